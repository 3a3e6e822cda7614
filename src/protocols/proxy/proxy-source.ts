/** Where a proxy's client is. */
export interface ProxySource {
  /** In the usual short form; an IPv4 address inside an IPv6 one as it came. */
  readonly address: string;
  readonly port: number;
}

/** What a proxy said of a connection before its first byte. */
export interface ProxyHeader {
  /** Bytes that the header takes; the connection's own follow. */
  readonly length: number;
  /** `null`: the proxy speaks for itself (a health check), or does not know. */
  readonly source: ProxySource | null;
}
