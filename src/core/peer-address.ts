/** The address of a socket's peer, an IPv4 one in its own form also when it came through an IPv6 listener; '' once it has gone. */
export function peerAddress(socket: { readonly remoteAddress?: string | undefined }): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
