// Makes assets/test-clip.flv: H.264 and AAC drawn and played by ffmpeg's own sources, cut so that it loops without a seam.
// Needs ffmpeg 5.1 or newer with libx264 and DejaVu fonts. Run: node scripts/make-test-clip.mjs [output]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WIDTH = 640;
const HEIGHT = 360;
const FRAME_RATE = 25;
const SAMPLE_RATE = 48000;
const AAC_FRAME = 1024;

// 5.12 s: a whole number of video frames (128) and of AAC frames (240), and a whole number of milliseconds.
const LOOP_SECONDS = 5.12;
const VIDEO_FRAMES = Math.round(LOOP_SECONDS * FRAME_RATE);
const AUDIO_FRAMES = Math.round((LOOP_SECONDS * SAMPLE_RATE) / AAC_FRAME);
const GOP_FRAMES = 32;

const BEATS = 8;
const BEAT_SECONDS = LOOP_SECONDS / BEATS;
// A minor pentatonic, up and down.
const NOTES_HZ = [220, 261.63, 329.63, 440, 523.25, 440, 329.63, 261.63];

const angle = (beat) => `(${((beat * 2 * Math.PI) / BEATS - Math.PI / 2).toFixed(6)})`;
const sinceBeat = (beat, clock) => `mod(${clock}-${(beat * BEAT_SECONDS).toFixed(2)}+${LOOP_SECONDS},${LOOP_SECONDS})`;
const sum = (terms) => terms.join('+');
const beats = Array.from({ length: BEATS }, (_, beat) => beat);

/** Eight plucked notes, one per beat, each panned to where its dot stands. Periodic in the loop. */
function soundSource() {
  const note = (beat, gain) => {
    const since = sinceBeat(beat, 't');
    const tone = `(sin(2*PI*${NOTES_HZ[beat]}*${since})+0.3*sin(4*PI*${NOTES_HZ[beat]}*${since}))`;
    return `${gain.toFixed(3)}*min(1,250*${since})*exp(-4*${since})*${tone}`;
  };
  const pan = (beat) => 0.5 + 0.35 * Math.sin((beat * 2 * Math.PI) / BEATS);
  const left = sum(beats.map((beat) => note(beat, 0.4 * (1 - pan(beat)))));
  const right = sum(beats.map((beat) => note(beat, 0.4 * pan(beat))));
  return `aevalsrc='${left}|${right}':s=${SAMPLE_RATE}:c=stereo:d=${LOOP_SECONDS * 3}`;
}

/** The file of a font that fontconfig knows; drawtext's own `font` knows no styles. */
function fontFile(pattern) {
  const result = spawnSync('fc-match', ['--format=%{file}', pattern], { encoding: 'utf8' });
  if (result.error) throw result.error;
  return result.stdout;
}

/** A ring of dots that light up with their notes, beside the name, a counter, colour bars and a line that runs along. */
function pictureGraph() {
  const turn = `2*PI*T/${LOOP_SECONDS}`;
  const glow = (beat) => `(0.22+0.78*exp(-3.5*${sinceBeat(beat, 'T')}))`;
  const dot = (beat) => `${glow(beat)}*clip(17.5-hypot(X-110-82*cos(${angle(beat)}),Y-110-82*sin(${angle(beat)})),0,1)`;
  const text = (options) => `drawtext=${options}`;
  const bold = `fontfile=${fontFile('DejaVu Sans:bold')}:fontcolor=white`;
  const plain = `fontfile=${fontFile('DejaVu Sans')}:fontcolor=0xC4D2E4`;
  const mono = `fontfile=${fontFile('DejaVu Sans Mono')}:fontcolor=0xC4D2E4`;
  const seconds = '%{eif\\:floor(t)\\:d}.%{eif\\:mod(floor(t*100+0.5)\\,100)\\:d\\:2}';
  return [
    // The background's gradient turns slowly; drawn small, since it is smooth.
    `nullsrc=s=160x90:r=${FRAME_RATE}:d=${LOOP_SECONDS},format=gbrp,` +
      `geq=r='32+16*sin(X/55+${turn})':g='32+9*sin(Y/40-${turn}+1)':b='94+20*sin((X+Y)/80+${turn}+2)',` +
      `scale=${WIDTH}:${HEIGHT}:flags=bicubic,format=rgba[back]`,
    `nullsrc=s=220x220:r=${FRAME_RATE}:d=${LOOP_SECONDS},format=rgba,` +
      `geq=r='90+120*Y/220':g='220-60*Y/220':b='255-110*X/220':a='255*(${sum(beats.map(dot))})'[ring]`,
    `smptehdbars=s=${WIDTH}x360:r=${FRAME_RATE}:d=${LOOP_SECONDS},crop=${WIDTH}:14:0:20,format=rgba[bars]`,
    `color=c=0xFFFFFF:s=${WIDTH}x4:r=${FRAME_RATE}:d=${LOOP_SECONDS},format=rgba[line]`,
    '[back][ring]overlay=28:62[a]',
    `[a][bars]overlay=0:${HEIGHT - 14}[b]`,
    `[b][line]overlay=x='-w+w*(t+1/${FRAME_RATE})/${LOOP_SECONDS}':y=${HEIGHT - 22}[c]`,
    '[c]' +
      [
        text(`${bold}:fontsize=36:text=Node Media:x=282:y=92`),
        text(`${bold}:fontsize=36:text=Server:x=282:y=134`),
        text(`${plain}:fontsize=17:text='If you see and hear this, it works.':x=284:y=190`),
        text(`${mono}:fontsize=14:text=H.264 ${WIDTH}x${HEIGHT} ${FRAME_RATE} fps:x=284:y=222`),
        text(`${mono}:fontsize=14:text=AAC 48 kHz stereo:x=284:y=242`),
        text(`${bold}:fontsize=30:text='${seconds}':x=138-text_w/2:y=156`),
        text(`${mono}:fontsize=14:text='frame %{eif\\:n\\:d\\:3}':x=138-text_w/2:y=190`),
      ].join(','),
    '',
  ]
    .filter((part) => part !== '')
    .join(';');
}

function ffmpeg(args) {
  const result = spawnSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`ffmpeg ended with ${result.status}`);
}

/** The tags of an FLV file: type, timestamp in ms, body. */
function readTags(file) {
  const bytes = readFileSync(file);
  const tags = [];
  for (let at = bytes.readUInt32BE(5) + 4; at + 11 <= bytes.length; ) {
    const size = bytes.readUIntBE(at + 1, 3);
    tags.push({ type: bytes[at], body: bytes.subarray(at + 11, at + 11 + size) });
    at += 11 + size + 4;
  }
  return tags;
}

function tagBytes({ type, timestamp, body }) {
  const bytes = Buffer.alloc(11 + body.length + 4);
  bytes[0] = type;
  bytes.writeUIntBE(body.length, 1, 3);
  bytes.writeUIntBE(timestamp & 0xffffff, 4, 3);
  bytes[7] = timestamp >>> 24;
  body.copy(bytes, 11);
  bytes.writeUInt32BE(11 + body.length, 11 + body.length);
  return bytes;
}

/** FLV 10.1, E.5: onMetaData as an ECMA array of numbers, booleans and strings. */
function metadataBody(values) {
  const word = (text) => {
    const bytes = Buffer.from(text);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  const value = (item) => {
    if (typeof item === 'string') return Buffer.concat([Buffer.from([2]), word(item)]);
    if (typeof item === 'boolean') return Buffer.from([1, item ? 1 : 0]);
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(item, 1);
    return bytes;
  };
  const count = Buffer.alloc(5);
  count[0] = 8;
  count.writeUInt32BE(Object.keys(values).length, 1);
  return Buffer.concat([
    value('onMetaData'),
    count,
    ...Object.entries(values).flatMap(([key, item]) => [word(key), value(item)]),
    Buffer.from([0, 0, 9]),
  ]);
}

const isVideoConfig = (tag) => tag.type === 9 && tag.body[1] === 0;
const isVideoFrame = (tag) => tag.type === 9 && tag.body[1] === 1;
const isAudioConfig = (tag) => tag.type === 8 && tag.body[1] === 0;
const isAudioFrame = (tag) => tag.type === 8 && tag.body[1] === 1;

function takeFrames(tags, test, { first, count, what }) {
  const frames = tags.filter(test).slice(first, first + count);
  if (frames.length !== count) throw new Error(`${frames.length} ${what} frames came out, ${count} are needed`);
  return frames;
}

function makeClip(folder) {
  const video = join(folder, 'video.flv');
  const audio = join(folder, 'audio.flv');
  // Without B-frames every player and every later protocol can take the clip; one thread makes it the same each time.
  ffmpeg([
    ...['-filter_complex', `${pictureGraph()},scale=out_color_matrix=bt709:out_range=tv,format=yuv420p`],
    ...['-c:v', 'libx264', '-profile:v', 'high', '-level', '3.0', '-preset', 'veryslow', '-bf', '0', '-crf', '21'],
    ...['-g', `${GOP_FRAMES}`, '-keyint_min', `${GOP_FRAMES}`, '-sc_threshold', '0', '-threads', '1'],
    ...['-maxrate', '900k', '-bufsize', '900k', '-flags', '+cgop'],
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
    ...['-bsf:v', 'filter_units=remove_types=6', '-frames:v', `${VIDEO_FRAMES}`, video],
  ]);
  ffmpeg([...['-f', 'lavfi', '-i', soundSource(), '-c:a', 'aac', '-b:a', '96k', '-flags', '+bitexact'], audio]);

  const videoTags = readTags(video);
  const audioTags = readTags(audio);
  const videoFrames = takeFrames(videoTags, isVideoFrame, { first: 0, count: VIDEO_FRAMES, what: 'video' });
  // The second of three rounds: its first frame overlaps with what the last one leaves behind. One more for the
  // encoder's delay of one frame.
  const audioFrames = takeFrames(audioTags, isAudioFrame, {
    first: AUDIO_FRAMES + 1,
    count: AUDIO_FRAMES,
    what: 'audio',
  });

  const media = [
    ...videoFrames.map((tag, n) => ({ ...tag, timestamp: Math.round((n * 1000) / FRAME_RATE) })),
    ...audioFrames.map((tag, n) => ({ ...tag, timestamp: Math.round((n * AAC_FRAME * 1000) / SAMPLE_RATE) })),
  ].sort((a, b) => a.timestamp - b.timestamp || b.type - a.type);
  const mediaBytes = (frames) => frames.reduce((total, tag) => total + tag.body.length, 0);
  const rate = (frames) => Math.round((mediaBytes(frames) * 8) / 1000 / LOOP_SECONDS);
  const metadata = metadataBody({
    duration: LOOP_SECONDS,
    width: WIDTH,
    height: HEIGHT,
    framerate: FRAME_RATE,
    videocodecid: 7,
    videodatarate: rate(videoFrames),
    audiocodecid: 10,
    audiodatarate: rate(audioFrames),
    audiosamplerate: SAMPLE_RATE,
    audiosamplesize: 16,
    stereo: true,
    encoder: 'Node Media Server test clip',
  });
  return Buffer.concat([
    Buffer.from('FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00', 'latin1'),
    tagBytes({ type: 18, timestamp: 0, body: metadata }),
    tagBytes({ ...videoTags.find(isVideoConfig), timestamp: 0 }),
    tagBytes({ ...audioTags.find(isAudioConfig), timestamp: 0 }),
    ...media.map(tagBytes),
  ]);
}

const output = process.argv[2] ?? fileURLToPath(new URL('../assets/test-clip.flv', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'test-clip-'));
try {
  const clip = makeClip(folder);
  writeFileSync(output, clip);
  console.log(`${output}: ${clip.length} bytes, ${VIDEO_FRAMES} video frames, ${AUDIO_FRAMES} audio frames`);
} finally {
  rmSync(folder, { recursive: true });
}
