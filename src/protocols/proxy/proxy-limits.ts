/** The limits of what a proxy may say of a connection. */
export const proxyLimits = {
  /** Bytes of a header of version 1, its line end included (PROXY protocol, 2.1: 107 are enough for every form). */
  maxTextBytes: 107,
  /** Bytes of a header of version 2, extensions included; the protocol itself allows 65551. */
  maxBinaryBytes: 4096,
};
