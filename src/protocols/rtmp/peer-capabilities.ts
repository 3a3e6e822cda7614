import { type AmfObject, type AmfValue, amfObject, isAmfObject } from '../amf/amf-value.ts';

/** Enhanced RTMP v2, "Enhancing NetConnection connect Command": the bits of `capsEx`. */
export const CapsEx = { reconnect: 1, multitrack: 2, modEx: 4, timestampNanoOffset: 8 } as const;

/** The flags of `videoFourCcInfoMap` and `audioFourCcInfoMap`. */
export const FourCcInfo = { canDecode: 1, canEncode: 2, canForward: 4 } as const;

/** `videoFunction`: old players announce this one, without knowing of Enhanced RTMP. */
const VIDEO_FUNCTION_SEEK = 1;

/** What the server forwards and parses, and `NetConnection.Connect.ReconnectRequest`. */
const SERVER_CAPS_EX = CapsEx.reconnect | CapsEx.multitrack | CapsEx.modEx | CapsEx.timestampNanoOffset;

/** What a peer said of itself in `connect`. Saying nothing proves nothing: OBS sends AV1 unannounced. */
export interface PeerCapabilities {
  /** Did it announce anything of Enhanced RTMP? */
  readonly isEnhanced: boolean;
  /** Codecs it can receive; `*` is any. */
  readonly fourCcList: readonly string[];
  /** FourCC (or `*`) to the flags of `FourCcInfo`; without a prototype. */
  readonly videoFourCcInfoMap: Readonly<Record<string, number>>;
  readonly audioFourCcInfoMap: Readonly<Record<string, number>>;
  readonly videoFunction: number;
  readonly reconnect: boolean;
  readonly multitrack: boolean;
  readonly modEx: boolean;
  readonly timestampNanoOffset: boolean;
  readonly objectEncoding: 0 | 3;
}

function bits(value: AmfValue): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value >>> 0 : 0;
}

function infoMap(value: AmfValue): Readonly<Record<string, number>> {
  const map = Object.create(null) as Record<string, number>;
  if (isAmfObject(value)) for (const key of Object.keys(value)) map[key] = bits(value[key]);
  return map;
}

/** A strict array, or an ECMA array with any keys. */
function strings(value: AmfValue): string[] {
  const items = Array.isArray(value) ? value : isAmfObject(value) ? Object.values(value) : [];
  return items.filter((item) => typeof item === 'string');
}

/** Reads the command object of `connect`; values of other types than expected count as absent. */
export function readCapabilities(command: AmfObject): PeerCapabilities {
  const fourCcList = strings(command['fourCcList']);
  const videoFourCcInfoMap = infoMap(command['videoFourCcInfoMap']);
  const audioFourCcInfoMap = infoMap(command['audioFourCcInfoMap']);
  const videoFunction = bits(command['videoFunction']);
  const capsEx = bits(command['capsEx']);
  return {
    isEnhanced:
      ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx'].some((key) => key in command) ||
      (videoFunction & ~VIDEO_FUNCTION_SEEK) !== 0,
    fourCcList,
    videoFourCcInfoMap,
    audioFourCcInfoMap,
    videoFunction,
    reconnect: (capsEx & CapsEx.reconnect) !== 0,
    multitrack: (capsEx & CapsEx.multitrack) !== 0,
    modEx: (capsEx & CapsEx.modEx) !== 0,
    timestampNanoOffset: (capsEx & CapsEx.timestampNanoOffset) !== 0,
    objectEncoding: command['objectEncoding'] === 3 ? 3 : 0,
  };
}

/** What the server says of itself to a peer that announced Enhanced RTMP: it forwards every codec. */
export function serverCapabilities(): AmfObject {
  return amfObject({
    fourCcList: ['*'],
    videoFourCcInfoMap: amfObject({ '*': FourCcInfo.canForward }),
    audioFourCcInfoMap: amfObject({ '*': FourCcInfo.canForward }),
    capsEx: SERVER_CAPS_EX,
  });
}
