/* The page at "/": lists what is live and plays it over a WebSocket. Everything comes from this server. */

const REFRESH_MS = 2000;
/** A server that shows no list is only asked whether it is there. */
const CLOSED_REFRESH_MS = 30_000;
const RETRY_MS = 3000;
/** A browser that stops decoding after so long a picture met something new, and may begin anew with that. */
const STEADY_MS = 5000;
/** Seconds of media that may wait in the browser before it is skipped, and what is kept then. */
const MAX_BUFFER_SECONDS = 1.5;
const KEPT_BUFFER_SECONDS = 0.4;

const element = (id) => document.getElementById(id);
const video = element('video');

/** The address being played (`{ path, search }`), the mpegts.js player, and what is known of both. */
const state = {
  target: null,
  player: null,
  hasPicture: false,
  /** Milliseconds of the page's clock. */
  pictureSince: 0,
  /** What mpegts.js last said of the media; `null`: nothing yet. */
  media: null,
  retryTimer: 0,
  streams: [],
  listIsClosed: false,
};

/** As people call them; the server speaks in its own short names. */
const CODECS = {
  avc: 'H.264',
  hevc: 'H.265',
  vvc: 'H.266',
  av1: 'AV1',
  vp8: 'VP8',
  vp9: 'VP9',
  aac: 'AAC',
  mp3: 'MP3',
  opus: 'Opus',
  flac: 'FLAC',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
};

function codecName(track) {
  return CODECS[track.codec] ?? track.codec;
}

function show(id, isShown) {
  element(id).hidden = !isShown;
}

function say(text) {
  element('message').textContent = text;
  show('message', text !== '');
}

function drawCurtain(text) {
  element('curtain').textContent = text;
  show('curtain', text !== '');
}

/** What people type or paste: a whole URL, or a path with or without ".flv". */
function parseAddress(text) {
  try {
    const url = new URL(text.trim(), location.href.replace(/[#?].*$/, ''));
    const path = url.pathname.replace(/\.flv$/i, '');
    return path.split('/').filter(Boolean).length < 2 ? null : { path, search: url.search };
  } catch {
    return null;
  }
}

/** Everything is below the page, also when the page is not at "/". */
function mediaUrl(target, scheme) {
  const url = new URL(`.${target.path}.flv${target.search}`, location.href.replace(/[#?].*$/, ''));
  const secure = location.protocol === 'https:' ? 's' : '';
  return `${scheme}${secure}://${url.host}${url.pathname}${url.search}`;
}

function hashOf(target) {
  return `#${target.path}${target.search}`;
}

// ---- playing

function release() {
  clearTimeout(state.retryTimer);
  const { player } = state;
  state.player = null;
  state.hasPicture = false;
  state.media = null;
  if (player !== null) player.destroy();
  show('facts', false);
  show('unmute', false);
}

/** `isRetry`: what was said of the last attempt stays until there is a picture. */
function play(target, isRetry = false) {
  release();
  state.target = target;
  if (!isRetry) say('');
  drawCurtain(isRetry ? 'Waiting for the stream …' : 'Connecting …');
  element('title').textContent = decodeURI(target.path).slice(1);
  show('stop', true);
  if (location.hash !== hashOf(target)) history.replaceState(null, '', hashOf(target));
  if (!window.mpegts?.isSupported()) {
    drawCurtain('');
    say('This browser cannot play live streams (it has no Media Source Extensions). On an iPhone, iOS 17.1 or newer is needed.');
    return;
  }
  open(target);
  drawStreams();
}

function open(target) {
  const player = mpegts.createPlayer(
    { type: 'flv', isLive: true, url: mediaUrl(target, 'ws') },
    {
      enableWorker: false,
      enableStashBuffer: false,
      lazyLoad: false,
      deferLoadAfterSourceOpen: false,
      autoCleanupSourceBuffer: true,
      liveBufferLatencyChasing: true,
      liveBufferLatencyMaxLatency: MAX_BUFFER_SECONDS,
      liveBufferLatencyMinRemain: KEPT_BUFFER_SECONDS,
    },
  );
  state.player = player;
  const mine = (listener) => (...values) => {
    if (state.player === player) listener(...values);
  };
  const onPlayerError = mine((type, detail, info) => onError(type, detail, info));
  // The player goes on with its own work after telling: it cannot be destroyed meanwhile.
  player.on(mpegts.Events.ERROR, (...values) => queueMicrotask(() => onPlayerError(...values)));
  player.on(mpegts.Events.LOADING_COMPLETE, mine(() => onEnd()));
  player.on(mpegts.Events.MEDIA_INFO, mine((info) => {
    state.media = info;
    showMedia();
  }));
  player.on(mpegts.Events.STATISTICS_INFO, mine((info) => showStatistics(info)));
  player.attachMediaElement(video);
  player.load();
  const started = player.play();
  if (started !== undefined) started.catch(() => {});
}

function stop() {
  release();
  state.target = null;
  history.replaceState(null, '', location.pathname + location.search);
  element('title').textContent = 'No stream chosen';
  show('stop', false);
  say('');
  drawCurtain('Choose a stream.');
  drawStreams();
}

/** Waits for the stream to come back: by the list where there is one, by trying again where there is none. */
function waitForReturn(text) {
  const { target } = state;
  release();
  drawCurtain(text);
  if (!state.listIsClosed) return;
  state.retryTimer = setTimeout(() => {
    if (state.target === target && state.player === null) play(target, true);
  }, RETRY_MS);
}

function onEnd() {
  if (state.hasPicture) waitForReturn('The stream has ended. It plays again as soon as it is back.');
  else explain();
}

function chosenStream() {
  return state.streams.find(({ path }) => path === decodeURI(state.target.path));
}

function codecNames() {
  const { video: picture, audio } = chosenStream() ?? {};
  const names = [picture, audio].filter(Boolean).map(codecName);
  return names.length === 0 ? 'this stream' : names.join(' and ');
}

function onError(type, detail, info) {
  if (type === mpegts.ErrorTypes.NETWORK_ERROR) {
    explain();
    return;
  }
  const names = codecNames();
  // mpegts.js passes over what it has no words for (a channel layout, HDR information) and plays on.
  if (detail === mpegts.ErrorDetails.MEDIA_FORMAT_ERROR) return;
  if (state.hasPicture && performance.now() - state.pictureSince >= STEADY_MS) {
    play(state.target, true);
    return;
  }
  release();
  drawCurtain('');
  const isCodec = detail === mpegts.ErrorDetails.MEDIA_CODEC_UNSUPPORTED || /addSourceBuffer/i.test(info?.msg ?? '');
  if (isCodec) say(`This browser cannot decode ${names}. Another browser may, or publish with H.264 and AAC.`);
  else say(`The browser stopped decoding (${detail}). Choose the stream again to retry.`);
}

const REASONS = {
  400: 'That is not a stream address. It looks like /live/name.',
  401: 'This stream needs a signed address: paste the whole address you were given, with its “sign=”.',
  403: 'The server refused: the signature is wrong, expired, or made for another stream.',
  404: 'There is no such stream right now. It plays as soon as somebody publishes it.',
  503: 'The server is full or stopping. Try again in a moment.',
};

/** The player only knows that no media came: the same question over HTTP has a status. */
async function explain() {
  const { target } = state;
  waitForReturn('');
  let status = 0;
  try {
    status = (await fetch(mediaUrl(target, 'http'), { method: 'HEAD', cache: 'no-store' })).status;
  } catch {
    // No answer at all is an answer, too.
  }
  if (state.target !== target || state.player !== null) return;
  if (status === 200) {
    waitForReturn('The connection broke. Trying again …');
    state.retryTimer = setTimeout(() => state.target === target && play(target, true), RETRY_MS);
    return;
  }
  drawCurtain('No picture.');
  say(REASONS[status] ?? 'The server cannot be reached. Is it running, and is the network up?');
  if (status === 400 || status === 401 || status === 403) clearTimeout(state.retryTimer);
}

// ---- what is shown of a stream

function showMedia() {
  const info = state.media;
  if (info === null) return;
  const { video: picture, audio } = chosenStream() ?? {};
  const fact = (track, codec) => (codec && track ? `${codecName(track)} (${codec})` : (codec ?? 'none'));
  show('facts', true);
  element('fact-video').textContent = fact(picture, info.videoCodec);
  element('fact-audio').textContent = fact(audio, info.audioCodec);
  if (!info.width) return;
  const fps = info.fps ? `, ${Math.round(info.fps * 100) / 100} fps` : '';
  element('fact-picture').textContent = `${info.width} × ${info.height}${fps}`;
}

function showStatistics(info) {
  const kbits = Math.round((info.speed ?? 0) * 8);
  element('fact-bitrate').textContent = kbits >= 1000 ? `${(kbits / 1000).toFixed(1)} Mbit/s` : `${kbits} kbit/s`;
  const { buffered } = video;
  if (buffered.length > 0) {
    const seconds = Math.max(0, buffered.end(buffered.length - 1) - video.currentTime);
    element('fact-latency').textContent = `${seconds.toFixed(1)} s`;
  }
  element('fact-dropped').textContent = String(info.droppedFrames ?? 0);
}

video.addEventListener('playing', () => {
  if (!state.hasPicture) state.pictureSince = performance.now();
  state.hasPicture = true;
  drawCurtain('');
  say('');
  show('unmute', video.muted);
});
video.addEventListener('volumechange', () => show('unmute', video.muted && state.hasPicture));
element('unmute').addEventListener('click', () => {
  video.muted = false;
  if (video.volume === 0) video.volume = 1;
});
element('stop').addEventListener('click', stop);

// ---- the list

function describe(stream) {
  const { video: picture, audio, status } = stream;
  const parts = [];
  if (picture?.width) parts.push(`${picture.width} × ${picture.height}`);
  for (const track of [picture, audio]) if (track) parts.push(codecName(track));
  if (status === 'reconnecting') parts.push('publisher lost, waiting');
  return parts.join(' · ') || 'starting';
}

function streamButton(stream) {
  const button = document.createElement('button');
  const name = document.createElement('strong');
  const facts = document.createElement('span');
  button.type = 'button';
  button.append(name, facts);
  button.addEventListener('click', () => play({ path: encodeURI(button.dataset.path), search: '' }));
  const item = document.createElement('li');
  item.append(button);
  item.dataset.path = stream.path;
  button.dataset.path = stream.path;
  name.textContent = stream.path.slice(1);
  return item;
}

/** Items are kept while their stream is, so that the keyboard's focus stays where it is. */
function drawStreams() {
  const list = element('streams');
  const known = new Map([...list.children].map((item) => [item.dataset.path, item]));
  const items = state.streams.map((stream) => {
    const item = known.get(stream.path) ?? streamButton(stream);
    const button = item.firstElementChild;
    const text = describe(stream);
    if (button.lastElementChild.textContent !== text) button.lastElementChild.textContent = text;
    button.setAttribute('aria-pressed', String(state.target !== null && decodeURI(state.target.path) === stream.path));
    return item;
  });
  const isSame = items.length === list.children.length && items.every((item, index) => list.children[index] === item);
  if (!isSame) list.replaceChildren(...items);
}

function showServer(text, mood) {
  const pill = element('server');
  if (pill.textContent !== text) pill.textContent = text;
  pill.className = `pill ${mood}`;
}

function applyList({ isClosed, streams }) {
  state.listIsClosed = isClosed;
  state.streams = streams;
  show('signed', isClosed);
  show('start', !isClosed && streams.length === 0);
  show('streams', streams.length > 0);
  showServer(isClosed ? 'online' : streams.length === 0 ? 'nothing live' : `${streams.length} live`, isClosed || streams.length > 0 ? 'good' : '');
  drawStreams();
  showMedia();
  const { target } = state;
  if (target === null || state.player !== null || isClosed) return;
  const isBack = streams.some(({ path, status }) => path === decodeURI(target.path) && status === 'publishing');
  if (isBack && element('message').hidden) play(target);
  else if (isBack && element('message').textContent === REASONS[404]) play(target);
}

async function refresh() {
  try {
    const answer = await fetch('streams.json', { cache: 'no-store' });
    const body = await answer.json();
    if (answer.status === 403) applyList({ isClosed: true, streams: [] });
    else if (answer.ok) applyList({ isClosed: false, streams: body.data.streams });
    else throw new Error(`status ${answer.status}`);
  } catch {
    showServer('server not reachable', 'bad');
  }
  setTimeout(refresh, state.listIsClosed ? CLOSED_REFRESH_MS : REFRESH_MS);
}

// ---- first words for who has no stream yet

function fillCommands() {
  const base = location.href.replace(/[#?].*$/, '').replace(/[^/]*$/, '');
  element('ffmpeg').textContent =
    'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 ' +
    `-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 60 -c:a aac -f flv -method POST ${base}live/test.flv`;
  element('nms').textContent = `npx nms publish ${base}live/test.flv`;
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const source = element(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = 'Copied';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, 1500);
    } catch {
      // Without HTTPS there is no clipboard: the text is selected instead.
      getSelection().selectAllChildren(source);
    }
  });
}

element('signed').addEventListener('submit', (event) => {
  event.preventDefault();
  const target = parseAddress(element('address').value);
  if (target === null) say(REASONS[400]);
  else play(target);
});

function playFromHash() {
  const target = location.hash.length > 1 ? parseAddress(location.hash.slice(1)) : null;
  const current = state.target;
  if (target !== null && (current === null || hashOf(current) !== hashOf(target))) play(target);
}

addEventListener('hashchange', playFromHash);
fillCommands();
refresh();
playFromHash();
