/** `access` opens the API, `refresh` is exchanged for a new pair, `events` stands in the address of the events only. */
export type TokenKind = 'access' | 'refresh' | 'events';

/** What a token of ours says. */
export interface Claims {
  readonly username: string;
  readonly kind: TokenKind;
  /** Of this one token. */
  readonly jti: string;
  /** Of all tokens that came of one sign-in. */
  readonly family: string;
  /** How often the sign-in was refreshed before. */
  readonly generation: number;
  /** Follows from the user's password: another password makes the token worthless. */
  readonly mark: string;
  /** Unix seconds at which every token that was made with this one will have expired. */
  readonly ends: number;
  /** Unix seconds. */
  readonly iat: number;
  readonly exp: number;
}
