import type { ProtocolError } from '../../errors.ts';
import type { AVPacket } from '../../media/packet.ts';
import type { AmfObject } from '../amf/amf-value.ts';
import type { PeerCapabilities } from './peer-capabilities.ts';

/** The words with which a peer ended a publish or a play; `publish` and `play`: it began another, or said `false`. */
export type CloseWord = 'deleteStream' | 'closeStream' | 'FCUnpublish' | 'publish' | 'play';

/** What a peer means; `streamId` is the message stream. */
export type RtmpEvent =
  /** The peer introduced itself. Nothing more is parsed until `acceptConnect` or `rejectConnect`. */
  | {
      readonly kind: 'connect';
      /** Decoded, without a query; may be empty. A name may still lengthen it: see `publish` and `play`. */
      readonly app: string;
      readonly tcUrl: string;
      readonly host: string;
      /** Of the app, then of tcUrl. Never to be logged. */
      readonly query: Readonly<Record<string, string>>;
      readonly flashVer: string;
      readonly command: AmfObject;
      readonly capabilities: PeerCapabilities;
    }
  /** The peer wants to send. Nothing more is parsed until `acceptPublish` or `rejectStream`. */
  | {
      readonly kind: 'publish';
      readonly streamId: number;
      /** The final app and name: decoded, joined, not yet checked for what names may have. */
      readonly app: string;
      readonly name: string;
      readonly query: Readonly<Record<string, string>>;
      /** Parameters that occurred with several values; `query` has the first. */
      readonly duplicates: readonly string[];
      readonly type: string;
    }
  /** The peer wants to receive. Parsing goes on; the answer is `acceptPlay` or `rejectStream`. */
  | {
      readonly kind: 'play';
      readonly streamId: number;
      readonly app: string;
      readonly name: string;
      readonly query: Readonly<Record<string, string>>;
      readonly duplicates: readonly string[];
      /** Negative: live. In seconds by the specification, in milliseconds by FFmpeg and librtmp. */
      readonly start: number;
    }
  | { readonly kind: 'packet'; readonly streamId: number; readonly packet: AVPacket }
  /** The publish or play of this stream ended by the peer's words; said once for each. */
  | { readonly kind: 'close'; readonly streamId: number; readonly by: CloseWord }
  | { readonly kind: 'pause'; readonly streamId: number; readonly paused: boolean }
  /** Which media the player wants; said when it changes. */
  | { readonly kind: 'receive'; readonly streamId: number; readonly audio: boolean; readonly video: boolean }
  /** A media or data message that made no sense was dropped; the connection goes on. */
  | { readonly kind: 'malformed'; readonly streamId: number; readonly error: ProtocolError };
