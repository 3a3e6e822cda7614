/**
 * Parameters that let somebody in, on every transport. Given with two values they are a refusal: which of them counts is no
 * guess of ours.
 */
export const CREDENTIAL_PARAMETERS: readonly string[] = ['sign', 'token', 'key'];
