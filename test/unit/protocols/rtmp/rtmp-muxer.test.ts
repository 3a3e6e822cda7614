import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StreamState } from '../../../../src/media/format.ts';
import type { AVPacket } from '../../../../src/media/packet.ts';
import { fromMillis } from '../../../../src/media/time.ts';
import { FlvPacketReader } from '../../../../src/protocols/flv/flv-packet-reader.ts';
import { createRtmpFormat, type RtmpFormatOptions } from '../../../../src/protocols/rtmp/rtmp-muxer.ts';
import { bodies } from '../../../support/rtmp-wire.ts';

const options: RtmpFormatOptions = {
  chunkSize: 65536,
  messageStreamId: 1,
  audio: true,
  video: true,
  tracks: 'all',
  hevc: 'as-is',
};

/** A stream as a publisher sent it. */
function published(): { stream: StreamState; flow: AVPacket[] } {
  const reader = new FlvPacketReader();
  const metadata = reader.read('data', 0, bodies.metadata);
  const audioConfig = reader.read('audio', 0, bodies.audioConfig);
  const videoConfig = reader.read('video', 0, bodies.videoConfig);
  const flow = [...reader.read('video', 20_000_000, bodies.key), ...reader.read('audio', 20_000_023, bodies.audio)];
  return { stream: { tracks: reader.tracks, remembered: [...metadata, ...audioConfig, ...videoConfig] }, flow };
}

function head(chunkStreamId: string, length: number, type: string, streamId = '01000000', time = '000005'): string {
  return `${chunkStreamId}${time}${length.toString(16).padStart(6, '0')}${type}${streamId}`;
}

describe('the RTMP format', () => {
  test('is named after all that changes its bytes', () => {
    const names = [
      options,
      { ...options, chunkSize: 4096 },
      { ...options, messageStreamId: 2 },
      { ...options, audio: false },
      { ...options, video: false },
      { ...options, tracks: 'first' },
      { ...options, hevc: 'legacy' },
    ].map((each) => createRtmpFormat(each as RtmpFormatOptions).name);
    assert.equal(new Set(names).size, names.length);
    assert.equal(createRtmpFormat({ ...options }).name, names[0]);
  });

  test('needs no tracks to begin, and says whether it has video', () => {
    assert.equal(createRtmpFormat(options).needsTracks, false);
    assert.equal(createRtmpFormat(options).hasVideo, true);
    assert.equal(createRtmpFormat({ ...options, video: false }).hasVideo, false);
  });

  test('begins with what is remembered, in order, stamped like the media that follows, metadata with 0', () => {
    const units = createRtmpFormat(options).createMuxer().begin(published().stream, fromMillis(5));
    const metadata = bodies.metadata.subarray(16);
    assert.deepEqual(
      units.map((unit) => unit.toString('hex')),
      [
        head('05', metadata.length, '12', '01000000', '000000') + metadata.toString('hex'),
        head('04', bodies.audioConfig.length, '08') + bodies.audioConfig.toString('hex'),
        head('06', bodies.videoConfig.length, '09') + bodies.videoConfig.toString('hex'),
      ],
    );
  });

  test('writes each packet with a full header, its body untouched, extended timestamps in every chunk', () => {
    const muxer = createRtmpFormat({ ...options, chunkSize: 8, messageStreamId: 0x0203 }).createMuxer();
    const [key, audio] = published().flow.map((packet) => muxer.mux(packet)!.toString('hex'));
    assert.equal(
      key,
      head('06', 11, '09', '03020000', 'ffffff') + '01312d00' + '1701000000000000' + 'c601312d00' + '0265b8',
    );
    assert.equal(audio, head('04', 5, '08', '03020000', 'ffffff') + '01312d17' + 'af01211004');
  });

  test('writes times modulo 2^32, negative ones too', () => {
    const [, audio] = published().flow;
    const unit = (ms: number) =>
      createRtmpFormat(options)
        .createMuxer()
        .mux(audio!.at(fromMillis(ms)))!;
    assert.equal(unit(2 ** 32 + 7).readUIntBE(1, 3), 7);
    assert.equal(unit(-2).readUInt32BE(12), 0xfffffffe);
  });

  test('leaves out what the player does not want', () => {
    const { stream, flow } = published();
    const audioOnly = createRtmpFormat({ ...options, video: false }).createMuxer();
    assert.deepEqual(
      audioOnly.begin(stream, fromMillis(0)).map((unit) => unit[0]),
      [5, 4],
    );
    assert.deepEqual(
      flow.map((packet) => audioOnly.mux(packet)?.[0] ?? null),
      [null, 4],
    );
    const videoOnly = createRtmpFormat({ ...options, audio: false }).createMuxer();
    assert.deepEqual(
      videoOnly.begin(stream, fromMillis(0)).map((unit) => unit[0]),
      [5, 6],
    );
    assert.deepEqual(
      flow.map((packet) => videoOnly.mux(packet)?.[0] ?? null),
      [6, null],
    );
  });

  test('writes a message of several tracks once', () => {
    const part = (id: number): string => `0${id}000003aabbcc`;
    const body = Buffer.from(`9511${'6d703461'}${part(0)}${part(1)}`, 'hex');
    const packets = new FlvPacketReader().read('audio', 0, body);
    assert.equal(packets.length, 2);
    const muxer = createRtmpFormat(options).createMuxer();
    assert.deepEqual(
      packets.map((packet) => muxer.mux(packet)?.subarray(12).toString('hex') ?? null),
      [body.toString('hex'), null],
    );
  });
});
