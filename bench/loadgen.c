/* loadgen: a synthetic RTMP publisher and thousands of players for live media servers on this machine.
 *
 *   loadgen publish --port P [--streams K] [--vbps 2000000] [--abps 128000] [--fps 30] [--gop 60] [--seconds S]
 *   loadgen play    --port P --proto rtmp|flv|ws --players N [--streams K] [--parse 50] [--join-rate R]
 *                   [--warmup S] [--seconds S] [--pids 1,2] [--expect-bps B] [--slow n] [--slow-rate B] [--idle]
 *                   [--series S]
 *   loadgen exec    --seconds S program arguments...
 *
 * `publish` and `play` print one line of JSON on stdout when they are done. With --streams above 1 the names are s0,
 * s1, ... instead of s. `exec` becomes the program, which then ends with its parent and after S seconds at the latest.
 * SIGTERM ends either early, with its report. `play` writes "joined N lost M" to stderr when nobody is still to come;
 * its report holds the window in slices of --series seconds, and SIGUSR1 begins the next slice at once.
 *
 * A frame carries MAGIC, its sequence number and the publisher's CLOCK_MONOTONIC at the moment of send(), written in
 * bytes with the top bit set so that no NAL start code can appear. Latency is that moment to the recv() that completes
 * the frame. Only --parse players, spread over all, are polled and decoded; the rest are swept every SWEEP_MS with
 * MSG_TRUNC, which drops what arrived inside the kernel: a thousand players then cost the generator little, and the
 * server's send() does not pay for waking readers.
 *
 * Needs Linux and libc. Connects to 127.0.0.1 only. Every run is bounded by its own clock. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define SECOND 1000000000ull
#define MAGIC "LGSTAMP1"
#define STAMP_BYTES 32 /* MAGIC, 8 digits of sequence, 16 digits of time */
#define KEPT_BYTES 768 /* of each message, for inspection */
#define SWEEP_MS 40
#define MAX_SECONDS 28800
#define MAX_SLICES 32768
#define MAX_PLAYERS 20000
#define MAX_MESSAGE (16u << 20)
#define HANDSHAKE_BYTES 1536
#define CONTROL_CHUNK 128 /* the chunk size in force until somebody sets another */
#define MEDIA_CHUNK 4096  /* the publisher's chunk size */
#define ACK_WINDOW 2500000
#define OPEN_TIMEOUT (8 * SECOND)
#define MAX_BACKLOG (8u << 20) /* bytes a publisher holds for a server that does not read */
#define AUDIO_RATE 44100
#define AUDIO_SAMPLES 1024

enum { SET_CHUNK_SIZE = 1, ACKNOWLEDGEMENT = 3, USER_CONTROL = 4, WINDOW_ACK_SIZE = 5 };
enum { AUDIO = 8, VIDEO = 9, DATA = 18, COMMAND_AMF3 = 17, COMMAND = 20 };

static struct {
  const char *proto, *app, *name, *pids;
  int port, players, streams, parse, slow, idle, fps, gop;
  double warmup, seconds, series, join_rate, join_timeout, slow_rate, expect_bps, vbps, abps;
} opt = {
    .proto = "flv",
    .app = "live",
    .name = "s",
    .pids = "",
    .port = 1935,
    .players = 1,
    .streams = 1,
    .parse = 50,
    .fps = 30,
    .gop = 60,
    .warmup = 5,
    .seconds = 20,
    .join_rate = 500,
    .join_timeout = 20,
    .vbps = 2e6,
    .abps = 128e3,
};

/* Clock, memory, bytes. */

static u64 now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (u64)t.tv_sec * SECOND + t.tv_nsec;
}

static void die(const char *what) {
  fprintf(stderr, "loadgen: %s (%s)\n", what, strerror(errno));
  exit(2);
}

static void *grow(void *old, size_t bytes) {
  void *p = realloc(old, bytes);
  if (!p) die("out of memory");
  return p;
}

static void *zeroed(size_t count, size_t bytes) {
  void *p = calloc(count ? count : 1, bytes);
  if (!p) die("out of memory");
  return p;
}

static u32 read_u24(const u8 *p) { return p[0] << 16 | p[1] << 8 | p[2]; }
static u32 read_u32(const u8 *p) { return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static u64 read_u64(const u8 *p) { return (u64)read_u32(p) << 32 | read_u32(p + 4); }

static void write_u24(u8 *p, u32 v) {
  p[0] = v >> 16;
  p[1] = v >> 8;
  p[2] = v;
}

static void write_u32(u8 *p, u32 v) {
  p[0] = v >> 24;
  write_u24(p + 1, v);
}

static void write_digits(u8 *p, u64 v, int digits) {
  for (int i = 0; i < digits; i++) p[i] = 0x80 | ((v >> (4 * (digits - 1 - i))) & 15);
}

static u64 read_digits(const u8 *p, int digits) {
  u64 v = 0;
  for (int i = 0; i < digits; i++) v = v << 4 | (p[i] & 15);
  return v;
}

/* Histogram of microseconds, within 3 %. */

#define LINEAR 64
#define BUCKETS (40 * LINEAR)
struct histogram {
  u64 count, max;
  u32 bucket[BUCKETS];
};

static void histogram_add(struct histogram *h, u64 us) {
  int i = us;
  if (us >= LINEAR) {
    int shift = 63 - __builtin_clzll(us) - 5;
    i = shift * (LINEAR / 2) + (int)(us >> shift);
  }
  if (i >= BUCKETS) i = BUCKETS - 1;
  h->bucket[i]++;
  h->count++;
  if (us > h->max) h->max = us;
}

/* Milliseconds; -1 when nothing was added. */
static double histogram_quantile(const struct histogram *h, double q) {
  if (!h->count) return -1;
  u64 want = q * h->count, seen = 0;
  if (want >= h->count) want = h->count - 1;
  for (int i = 0; i < BUCKETS; i++) {
    seen += h->bucket[i];
    if (seen <= want) continue;
    if (i < LINEAR) return i / 1000.0;
    int shift = i / (LINEAR / 2) - 1;
    return ((u64)(i - shift * (LINEAR / 2)) << shift) / 1000.0;
  }
  return h->max / 1000.0;
}

/* Signals. */

static volatile sig_atomic_t is_stopping, is_slice_over;

static void on_signal(int number) {
  if (number == SIGUSR1)
    is_slice_over = 1;
  else
    is_stopping = 1;
}

static void catch_signals(void) {
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  signal(SIGUSR1, on_signal);
}

/* AMF0: what commands need. */

struct amf {
  u8 bytes[2048];
  int size;
};

static void amf_key(struct amf *a, const char *s) {
  int n = strlen(s);
  if (a->size + n + 3 > (int)sizeof a->bytes) die("AMF value too long");
  a->bytes[a->size++] = n >> 8;
  a->bytes[a->size++] = n;
  memcpy(a->bytes + a->size, s, n);
  a->size += n;
}

static void amf_string(struct amf *a, const char *s) {
  a->bytes[a->size++] = 2;
  amf_key(a, s);
}

static void amf_number(struct amf *a, double d) {
  u64 v;
  memcpy(&v, &d, 8);
  a->bytes[a->size++] = 0;
  write_u32(a->bytes + a->size, v >> 32);
  write_u32(a->bytes + a->size + 4, v);
  a->size += 8;
}

static void amf_byte(struct amf *a, u8 marker) { a->bytes[a->size++] = marker; }
static void amf_null(struct amf *a) { amf_byte(a, 5); }
static void amf_object(struct amf *a) { amf_byte(a, 3); }

static void amf_end(struct amf *a) {
  amf_byte(a, 0);
  amf_byte(a, 0);
  amf_byte(a, 9);
}

static int amf_read_string(const u8 *p, int n, int *at, char *out, int max) {
  if (*at + 3 > n || p[*at] != 2) return -1;
  int size = p[*at + 1] << 8 | p[*at + 2];
  if (*at + 3 + size > n) return -1;
  int kept = size < max - 1 ? size : max - 1;
  memcpy(out, p + *at + 3, kept);
  out[kept] = 0;
  *at += 3 + size;
  return 0;
}

static int amf_read_number(const u8 *p, int n, int *at, double *out) {
  if (*at + 9 > n || p[*at] != 0) return -1;
  u64 v = read_u64(p + *at + 1);
  memcpy(out, &v, 8);
  *at += 9;
  return 0;
}

/* The name and transaction of a command; `at` then points behind them. */
static int read_command(const u8 **p, int *n, int type, char *name, int max, double *transaction, int *at) {
  if (type == COMMAND_AMF3) {
    ++*p;
    --*n;
  }
  *at = 0;
  return amf_read_string(*p, *n, at, name, max) || amf_read_number(*p, *n, at, transaction) ? -1 : 0;
}

/* The stream id in the answer to createStream. */
static u32 read_stream_id(const u8 *p, int n, int at) {
  double id = 1;
  if (at < n && p[at] == 5) {
    at++;
    amf_read_number(p, n, &at, &id);
  }
  return id;
}

/* RTMP chunks (RTMP 1.0, 5.3.1). */

struct chunk_stream {
  u32 id, size, got;
  u8 type, extended, kept[KEPT_BYTES];
};

struct rtmp_reader {
  enum { BASIC_HEADER, LONG_ID, MESSAGE_HEADER, EXTENDED_TIMESTAMP, PAYLOAD } state;
  u32 chunk_size, left;
  int need, have, format;
  u8 header[16];
  int streams, current;
  struct chunk_stream *stream;
};

typedef void message_handler(void *owner, int type, u32 size, const u8 *kept, int kept_size);

static void rtmp_reader_init(struct rtmp_reader *r) {
  memset(r, 0, sizeof *r);
  r->chunk_size = CONTROL_CHUNK;
}

static void rtmp_reader_free(struct rtmp_reader *r) {
  free(r->stream);
  r->stream = NULL;
  r->streams = 0;
}

static int find_chunk_stream(struct rtmp_reader *r, u32 id) {
  for (int i = 0; i < r->streams; i++)
    if (r->stream[i].id == id) return i;
  if (r->streams == 64) return -1;
  r->stream = grow(r->stream, sizeof *r->stream * (r->streams + 1));
  memset(&r->stream[r->streams], 0, sizeof *r->stream);
  r->stream[r->streams].id = id;
  return r->streams++;
}

static void expect_header(struct rtmp_reader *r, int state, int need) {
  r->state = state;
  r->need = need;
  r->have = 0;
}

/* The bytes of `header` are complete; decides what comes next. */
static int rtmp_header(struct rtmp_reader *r, u32 id) {
  static const int message_header_bytes[] = {11, 7, 3, 0};
  if (r->state == BASIC_HEADER || r->state == LONG_ID) {
    r->current = find_chunk_stream(r, id);
    if (r->current < 0) return -1;
    expect_header(r, MESSAGE_HEADER, message_header_bytes[r->format]);
    return 0;
  }
  struct chunk_stream *s = &r->stream[r->current];
  if (r->state == MESSAGE_HEADER) {
    if (r->format < 3) {
      if (s->got) return -1;
      s->extended = read_u24(r->header) == 0xffffff;
    }
    if (r->format < 2) {
      s->size = read_u24(r->header + 3);
      s->type = r->header[6];
      if (s->size > MAX_MESSAGE) return -1;
    }
    if (s->extended) {
      expect_header(r, EXTENDED_TIMESTAMP, 4);
      return 0;
    }
  }
  r->left = s->size - s->got < r->chunk_size ? s->size - s->got : r->chunk_size;
  r->state = PAYLOAD;
  return 0;
}

static void rtmp_payload(struct rtmp_reader *r, const u8 *p, u32 n, message_handler *handle, void *owner) {
  struct chunk_stream *s = &r->stream[r->current];
  if (s->got < KEPT_BYTES) memcpy(s->kept + s->got, p, KEPT_BYTES - s->got < n ? KEPT_BYTES - s->got : n);
  s->got += n;
  r->left -= n;
  if (r->left) return;
  expect_header(r, BASIC_HEADER, 1);
  if (s->got < s->size) return;
  s->got = 0;
  u32 size = s->size < KEPT_BYTES ? s->size : KEPT_BYTES;
  if (s->type == SET_CHUNK_SIZE && size >= 4 && (read_u32(s->kept) & 0x7fffffff))
    r->chunk_size = read_u32(s->kept) & 0x7fffffff;
  else
    handle(owner, s->type, s->size, s->kept, size);
}

static int rtmp_read(struct rtmp_reader *r, const u8 *p, size_t n, message_handler *handle, void *owner) {
  if (r->state == BASIC_HEADER && !r->need) r->need = 1;
  for (;;) {
    if (r->state == PAYLOAD) {
      if (!n && r->left) return 0;
      u32 part = r->left < n ? r->left : n;
      rtmp_payload(r, p, part, handle, owner);
      p += part;
      n -= part;
      continue;
    }
    while (n && r->have < r->need) {
      r->header[r->have++] = *p++;
      n--;
    }
    if (r->have < r->need) return 0;
    u32 id = 0;
    if (r->state == BASIC_HEADER) {
      r->format = r->header[0] >> 6;
      id = r->header[0] & 63;
      if (id < 2) {
        expect_header(r, LONG_ID, id + 1);
        continue;
      }
    } else if (r->state == LONG_ID) {
      id = 64 + r->header[0] + (r->need == 2 ? r->header[1] * 256u : 0);
    }
    if (rtmp_header(r, id) < 0) return -1;
  }
}

struct message {
  int chunk_stream, type;
  u32 timestamp, stream;
};

/* Writes one message with a full header, cut at `chunk`; returns its bytes. */
static int rtmp_write(u8 *out, struct message m, const u8 *payload, u32 size, u32 chunk) {
  u8 *o = out;
  *o++ = m.chunk_stream;
  write_u24(o, m.timestamp);
  write_u24(o + 3, size);
  o[6] = m.type;
  for (int i = 0; i < 4; i++) o[7 + i] = m.stream >> (8 * i);
  o += 11;
  for (u32 at = 0; at < size;) {
    u32 part = size - at < chunk ? size - at : chunk;
    if (at) *o++ = 0xc0 | m.chunk_stream;
    memcpy(o, payload + at, part);
    o += part;
    at += part;
  }
  return o - out;
}

static int rtmp_control(u8 *out, int type, const u8 *payload, int size) {
  return rtmp_write(out, (struct message){2, type, 0, 0}, payload, size, CONTROL_CHUNK);
}

static int rtmp_pong(u8 *out, const u8 *ping) {
  u8 event[6] = {0, 7};
  memcpy(event + 2, ping + 2, 4);
  return rtmp_control(out, USER_CONTROL, event, 6);
}

static int is_ping(int type, const u8 *p, int n) { return type == USER_CONTROL && n >= 6 && p[0] == 0 && p[1] == 6; }

static int rtmp_command(u8 *out, int chunk_stream, u32 stream, const struct amf *a, u32 chunk) {
  return rtmp_write(out, (struct message){chunk_stream, COMMAND, 0, stream}, a->bytes, a->size, chunk);
}

static int rtmp_connect(u8 *out) {
  struct amf a = {.size = 0};
  char address[256];
  snprintf(address, sizeof address, "rtmp://127.0.0.1:%d/%s", opt.port, opt.app);
  amf_string(&a, "connect");
  amf_number(&a, 1);
  amf_object(&a);
  amf_key(&a, "app"), amf_string(&a, opt.app);
  amf_key(&a, "flashVer"), amf_string(&a, "LNX 9,0,124,2");
  amf_key(&a, "tcUrl"), amf_string(&a, address);
  amf_key(&a, "capabilities"), amf_number(&a, 15);
  amf_key(&a, "audioCodecs"), amf_number(&a, 4071);
  amf_key(&a, "videoCodecs"), amf_number(&a, 252);
  amf_key(&a, "videoFunction"), amf_number(&a, 1);
  amf_end(&a);
  return rtmp_command(out, 3, 0, &a, CONTROL_CHUNK);
}

static void write_c1(u8 *out) {
  memset(out, 0, 8);
  for (int i = 8; i < HANDSHAKE_BYTES; i++) out[i] = i * 7;
}

/* Sockets. */

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static int dial(int nonblocking) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (nonblocking) set_nonblocking(fd);
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(opt.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (void *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  return fd;
}

static void stream_name(char *out, int max, int i) {
  if (opt.streams > 1)
    snprintf(out, max, "%s%d", opt.name, i % opt.streams);
  else
    snprintf(out, max, "%s", opt.name);
}

/* The server under test, read from /proc. */

#define MAX_PIDS 64
static int pid[MAX_PIDS], pids;

static void read_pids(void) {
  for (const char *p = opt.pids; *p && pids < MAX_PIDS;) {
    char *end;
    long v = strtol(p, &end, 10);
    if (end == p) die("--pids is not a list of numbers");
    if (v > 0) pid[pids++] = v;
    p = *end == ',' ? end + 1 : end;
  }
}

struct sample {
  double user, system; /* seconds in steps of a clock tick, threads that ended included */
  double on_cpu;       /* seconds, exact, living threads; 0 where the kernel keeps no schedstat */
  double self;         /* seconds of this process */
  double idle, stolen; /* seconds of the whole machine */
  long rss_kb, tcp_pages;
};

static FILE *open_proc(const char *format, int a, int b) {
  char path[96];
  snprintf(path, sizeof path, format, a, b);
  return fopen(path, "r");
}

static void sample_ticks(struct sample *s) {
  double tick = sysconf(_SC_CLK_TCK);
  for (int i = 0; i < pids; i++) {
    FILE *f = open_proc("/proc/%d/stat", pid[i], 0);
    if (!f) continue;
    char text[1024];
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    char *p = strrchr(text, ')');
    unsigned long user, system;
    if (!p || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) continue;
    s->user += user / tick;
    s->system += system / tick;
  }
}

static void sample_threads(struct sample *s) {
  for (int i = 0; i < pids; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid[i]);
    DIR *d = opendir(path);
    if (!d) continue;
    for (struct dirent *e; (e = readdir(d));) {
      FILE *f = atoi(e->d_name) > 0 ? open_proc("/proc/%d/task/%d/schedstat", pid[i], atoi(e->d_name)) : NULL;
      if (!f) continue;
      unsigned long long ns;
      if (fscanf(f, "%llu", &ns) == 1) s->on_cpu += ns / 1e9;
      fclose(f);
    }
    closedir(d);
  }
}

static long sample_rss_kb(void) {
  long total = 0;
  for (int i = 0; i < pids; i++) {
    FILE *f = open_proc("/proc/%d/status", pid[i], 0);
    if (!f) continue;
    char line[256];
    long kb;
    while (fgets(line, sizeof line, f))
      if (sscanf(line, "VmRSS: %ld", &kb) == 1) total += kb;
    fclose(f);
  }
  return total;
}

static void sample_machine(struct sample *s) {
  FILE *f = open_proc("/proc/stat", 0, 0);
  unsigned long long idle = 0, waiting = 0, stolen = 0;
  if (f) {
    if (fscanf(f, "cpu %*u %*u %*u %llu %llu %*u %*u %llu", &idle, &waiting, &stolen) != 3) idle = waiting = stolen = 0;
    fclose(f);
  }
  s->idle = (idle + waiting) / (double)sysconf(_SC_CLK_TCK);
  s->stolen = stolen / (double)sysconf(_SC_CLK_TCK);
  s->tcp_pages = -1;
  f = open_proc("/proc/net/sockstat", 0, 0);
  if (!f) return;
  char line[256];
  while (fgets(line, sizeof line, f)) {
    char *p = strstr(line, " mem ");
    if (!strncmp(line, "TCP:", 4) && p) s->tcp_pages = atol(p + 5);
  }
  fclose(f);
}

static double own_cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static struct sample take_sample(void) {
  struct sample s = {0};
  sample_ticks(&s);
  sample_threads(&s);
  sample_machine(&s);
  s.rss_kb = sample_rss_kb();
  s.self = own_cpu();
  return s;
}

/* Players. */

struct player {
  enum { UNBORN, CONNECTING, HANDSHAKE, COMMANDS, HTTP_HEAD, BODY, DEAD } state;
  int fd, index, is_parsed, is_swept, is_slow, is_chunked, is_websocket, has_started;
  u64 dialled, first_media, first_frame;
  u64 bytes, bytes_before, bytes_after, acknowledged, ack_window;
  u64 frames[2], missing;
  u32 last_sequence;
  int has_sequence;

  struct rtmp_reader rtmp;
  char *head; /* the HTTP head, or what the handshake counts in head_size */
  int head_size;

  enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END } chunk_state;
  char chunk_line[20];
  int chunk_line_size;
  u64 chunk_left;

  u8 frame_head[14];
  int frame_have, frame_need, frame_opcode;
  u64 frame_left;

  enum { FLV_HEADER, TAG_HEADER, TAG_BODY, TAG_SIZE } flv_state;
  u8 flv_head[16], flv_type, *flv_kept;
  int flv_have, flv_need;
  u32 flv_size, flv_got;
};

static struct player *player;
static int poller, in_window, dead, started, connected, refused, protocol_errors;
static u64 now; /* of the recv() being handled */
static struct histogram video_latency, audio_latency, slice_latency; /* the last: video of the slice */

static void player_send(struct player *c, const void *bytes, int n) {
  if (send(c->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) protocol_errors++;
}

static void player_dead(struct player *c) {
  if (c->state == DEAD) return;
  c->state = DEAD;
  dead++;
  close(c->fd);
  c->fd = -1;
}

static void player_started(struct player *c) {
  if (c->has_started) return;
  c->has_started = 1;
  started++;
}

static void on_media(struct player *c, int type, const u8 *p, int n) {
  if (n < 2) return;
  if (!c->first_media) c->first_media = now;
  int is_video = type == VIDEO, is_coded = p[1] == 1 || (is_video && (p[0] & 0x80));
  if (!is_coded) return;
  if (is_video && !c->first_frame) {
    c->first_frame = now;
    player_started(c);
  }
  const u8 *stamp = memmem(p, n < 160 ? n : 160, MAGIC, 8);
  if (!stamp || stamp + STAMP_BYTES > p + n) return;
  u32 sequence = read_digits(stamp + 8, 8);
  u64 sent = read_digits(stamp + 16, 16);
  if (in_window) {
    c->frames[is_video]++;
    u64 late_us = now > sent ? (now - sent) / 1000 : 0;
    histogram_add(is_video ? &video_latency : &audio_latency, late_us);
    if (is_video) histogram_add(&slice_latency, late_us);
    if (is_video && c->has_sequence && (int)(sequence - c->last_sequence) > 1)
      c->missing += sequence - c->last_sequence - 1;
  }
  if (is_video) {
    c->last_sequence = sequence;
    c->has_sequence = 1;
  }
}

static void expect_flv(struct player *c, int state, int need) {
  c->flv_state = state;
  c->flv_have = 0;
  c->flv_need = need;
}

static int flv_read(struct player *c, const u8 *p, size_t n) {
  while (n) {
    if (c->flv_state == TAG_BODY) {
      u32 part = c->flv_size - c->flv_got < n ? c->flv_size - c->flv_got : n;
      if (c->flv_got < KEPT_BYTES)
        memcpy(c->flv_kept + c->flv_got, p, KEPT_BYTES - c->flv_got < part ? KEPT_BYTES - c->flv_got : part);
      c->flv_got += part;
      p += part;
      n -= part;
      if (c->flv_got < c->flv_size) continue;
      if (c->flv_type != DATA)
        on_media(c, c->flv_type, c->flv_kept, c->flv_size < KEPT_BYTES ? c->flv_size : KEPT_BYTES);
      expect_flv(c, TAG_SIZE, 4);
      continue;
    }
    while (n && c->flv_have < c->flv_need) {
      c->flv_head[c->flv_have++] = *p++;
      n--;
    }
    if (c->flv_have < c->flv_need) return 0;
    if (c->flv_state == FLV_HEADER) {
      if (memcmp(c->flv_head, "FLV", 3)) return -1;
      expect_flv(c, TAG_HEADER, 11);
    } else if (c->flv_state == TAG_HEADER) {
      c->flv_type = c->flv_head[0] & 31;
      c->flv_size = read_u24(c->flv_head + 1);
      c->flv_got = 0;
      if (c->flv_type != AUDIO && c->flv_type != VIDEO && c->flv_type != DATA) return -1;
      expect_flv(c, c->flv_size ? TAG_BODY : TAG_SIZE, 4);
    } else {
      if (read_u32(c->flv_head) != c->flv_size + 11) return -1;
      expect_flv(c, TAG_HEADER, 11);
    }
  }
  return 0;
}

/* RFC 6455, 5.2: unmasked frames of a server. */
static int websocket_read(struct player *c, const u8 *p, size_t n) {
  while (n) {
    if (c->frame_left) {
      size_t part = c->frame_left < n ? c->frame_left : n;
      if (c->frame_opcode <= 2 && flv_read(c, p, part) < 0) return -1;
      c->frame_left -= part;
      p += part;
      n -= part;
      continue;
    }
    c->frame_head[c->frame_have++] = *p++;
    n--;
    if (c->frame_have < 2) continue;
    int size = c->frame_head[1] & 127;
    if (c->frame_have == 2) {
      if (c->frame_head[1] & 128) return -1;
      c->frame_need = size == 126 ? 4 : size == 127 ? 10 : 2;
    }
    if (c->frame_have < c->frame_need) continue;
    c->frame_have = 0;
    c->frame_opcode = c->frame_head[0] & 15;
    c->frame_left = size;
    if (size == 126) c->frame_left = c->frame_head[2] << 8 | c->frame_head[3];
    if (size == 127) c->frame_left = read_u64(c->frame_head + 2);
    if (c->frame_opcode == 8) return -1;
    if (c->frame_opcode == 9) player_send(c, "\x8a\x80\x01\x02\x03\x04", 6);
  }
  return 0;
}

/* RFC 9112, 7.1. */
static int chunked_read(struct player *c, const u8 *p, size_t n) {
  while (n) {
    if (c->chunk_state == CHUNK_DATA) {
      size_t part = c->chunk_left < n ? c->chunk_left : n;
      if (flv_read(c, p, part) < 0) return -1;
      c->chunk_left -= part;
      p += part;
      n -= part;
      if (!c->chunk_left) c->chunk_state = CHUNK_END;
      continue;
    }
    char ch = *p++;
    n--;
    if (c->chunk_state == CHUNK_END) {
      if (ch == '\n') c->chunk_state = CHUNK_SIZE;
    } else if (ch != '\n') {
      if (c->chunk_line_size < 18) c->chunk_line[c->chunk_line_size++] = ch;
    } else {
      c->chunk_line[c->chunk_line_size] = 0;
      c->chunk_line_size = 0;
      c->chunk_left = strtoull(c->chunk_line, NULL, 16);
      if (!c->chunk_left) return -1;
      c->chunk_state = CHUNK_DATA;
    }
  }
  return 0;
}

static int body_read(struct player *c, const u8 *p, size_t n) {
  if (c->is_websocket) return websocket_read(c, p, n);
  return c->is_chunked ? chunked_read(c, p, n) : flv_read(c, p, n);
}

static int http_head_read(struct player *c, const u8 *p, size_t n) {
  size_t room = 4095 - c->head_size, part = n < room ? n : room;
  memcpy(c->head + c->head_size, p, part);
  c->head[c->head_size + part] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (!end) {
    c->head_size += part;
    return c->head_size < 4095 ? 0 : -1;
  }
  size_t used = end + 4 - c->head - c->head_size;
  end[2] = 0;
  int status = strlen(c->head) > 12 ? atoi(c->head + 9) : 0;
  c->is_chunked = strcasestr(c->head, "transfer-encoding: chunked") != NULL;
  free(c->head);
  c->head = NULL;
  if (status != (c->is_websocket ? 101 : 200)) return -1;
  c->state = BODY;
  if (opt.idle) player_started(c);
  return n > used ? body_read(c, p + used, n - used) : 0;
}

static void on_player_message(void *owner, int type, u32 size, const u8 *p, int n) {
  struct player *c = owner;
  u8 out[1024];
  (void)size;
  if (type == AUDIO || type == VIDEO) return on_media(c, type, p, n);
  if (type == WINDOW_ACK_SIZE && n >= 4 && read_u32(p)) c->ack_window = read_u32(p);
  if (is_ping(type, p, n)) player_send(c, out, rtmp_pong(out, p));
  if (type != COMMAND && type != COMMAND_AMF3) return;
  char name[64];
  double transaction;
  int at;
  if (read_command(&p, &n, type, name, sizeof name, &transaction, &at) < 0) return;
  if (!strcmp(name, "_error")) protocol_errors++;
  if (strcmp(name, "_result")) return;
  struct amf a = {.size = 0};
  int m = 0;
  if (transaction == 1) {
    u8 window[4];
    write_u32(window, ACK_WINDOW);
    m += rtmp_control(out, WINDOW_ACK_SIZE, window, 4);
    amf_string(&a, "createStream"), amf_number(&a, 2), amf_null(&a);
    m += rtmp_command(out + m, 3, 0, &a, CONTROL_CHUNK);
  } else if (transaction == 2) {
    u32 id = read_stream_id(p, n, at);
    char stream[128];
    stream_name(stream, sizeof stream, c->index);
    amf_string(&a, "play"), amf_number(&a, 3), amf_null(&a), amf_string(&a, stream), amf_number(&a, -2000);
    m += rtmp_command(out, 8, id, &a, CONTROL_CHUNK);
    u8 buffer_length[10] = {0, 3};
    write_u32(buffer_length + 2, id);
    write_u32(buffer_length + 6, 1000);
    m += rtmp_control(out + m, USER_CONTROL, buffer_length, 10);
    if (opt.idle) player_started(c);
  }
  if (m) player_send(c, out, m);
}

static int handshake_read(struct player *c, const u8 *p, size_t n) {
  const int answer = 1 + 2 * HANDSHAKE_BYTES;
  size_t part = (size_t)(answer - c->head_size) < n ? (size_t)(answer - c->head_size) : n;
  memcpy(c->head + c->head_size, p, part);
  c->head_size += part;
  if (c->head_size < answer) return 0;
  u8 out[4096];
  memcpy(out, c->head + 1, HANDSHAKE_BYTES);
  player_send(c, out, HANDSHAKE_BYTES + rtmp_connect(out + HANDSHAKE_BYTES));
  free(c->head);
  c->head = NULL;
  c->state = COMMANDS;
  return n > part ? rtmp_read(&c->rtmp, p + part, n - part, on_player_message, c) : 0;
}

static void on_connected(struct player *c) {
  connected++;
  if (!strcmp(opt.proto, "rtmp")) {
    u8 hello[1 + HANDSHAKE_BYTES] = {3};
    write_c1(hello + 1);
    player_send(c, hello, sizeof hello);
    c->head = zeroed(1, 1 + 2 * HANDSHAKE_BYTES);
    rtmp_reader_init(&c->rtmp);
    c->ack_window = ACK_WINDOW;
    c->state = HANDSHAKE;
    return;
  }
  char stream[128], request[512];
  stream_name(stream, sizeof stream, c->index);
  c->is_websocket = !strcmp(opt.proto, "ws");
  int n = snprintf(request, sizeof request, "GET /%s/%s.flv HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n", opt.app, stream,
                   opt.port,
                   c->is_websocket ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                   : "User-Agent: loadgen\r\nAccept: */*\r\n");
  player_send(c, request, n);
  c->head = zeroed(1, 4096);
  c->flv_kept = zeroed(1, KEPT_BYTES);
  expect_flv(c, FLV_HEADER, 13);
  c->state = HTTP_HEAD;
  /* The head of an HTTP answer may wait for the stream; that of a WebSocket comes at once. */
  if (opt.idle && !c->is_websocket) player_started(c);
}

static int player_data(struct player *c, const u8 *p, size_t n) {
  c->bytes += n;
  if (c->state == HANDSHAKE) return handshake_read(c, p, n);
  if (c->state == COMMANDS) return rtmp_read(&c->rtmp, p, n, on_player_message, c);
  if (c->state == HTTP_HEAD) return http_head_read(c, p, n);
  return body_read(c, p, n);
}

static void acknowledge(struct player *c) {
  if (c->state != COMMANDS || c->bytes - c->acknowledged < c->ack_window) return;
  c->acknowledged = c->bytes;
  u8 total[4], out[64];
  write_u32(total, c->bytes);
  player_send(c, out, rtmp_control(out, ACKNOWLEDGEMENT, total, 4));
}

static int is_fatal(ssize_t r) { return r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR); }

static void player_read(struct player *c) {
  static u8 buffer[512 * 1024];
  ssize_t r = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  now = now_ns();
  if (is_fatal(r)) return player_dead(c);
  if (r < 0) return;
  if (player_data(c, buffer, r) < 0) {
    protocol_errors++;
    return player_dead(c);
  }
  acknowledge(c);
  if (!c->first_frame || c->is_parsed) return;
  c->is_swept = 1;
  struct epoll_event e = {.events = EPOLLRDHUP, .data.u32 = c->index};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
  rtmp_reader_free(&c->rtmp);
}

/* Reads at most `budget` bytes; 0 is no limit. */
static void player_sweep(struct player *c, u64 budget) {
  const size_t most = 4u << 20;
  for (u64 got = 0; !budget || got < budget;) {
    size_t ask = budget && budget - got < most ? budget - got : most;
    ssize_t r = recv(c->fd, NULL, ask, MSG_DONTWAIT | MSG_TRUNC);
    if (is_fatal(r)) return player_dead(c);
    if (r < 0) break;
    c->bytes += r;
    got += r;
    if ((size_t)r < ask) break;
  }
  acknowledge(c);
}

static void player_event(struct player *c, u32 events) {
  if (c->state == DEAD) return;
  if (c->is_swept) {
    if (events & (EPOLLERR | EPOLLHUP) || (c->is_slow && (events & EPOLLRDHUP))) player_dead(c);
    return;
  }
  if (c->state != CONNECTING) return player_read(c);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error || events & (EPOLLERR | EPOLLHUP)) {
    refused++;
    return player_dead(c);
  }
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = c->index};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
  on_connected(c);
}

static void player_open(struct player *c) {
  c->dialled = now_ns();
  c->fd = dial(1);
  if (c->fd < 0) {
    c->state = DEAD;
    refused++;
    dead++;
    return;
  }
  c->state = CONNECTING;
  struct epoll_event e = {.events = EPOLLOUT, .data.u32 = c->index};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

static void sweep_all(int opened, double slow_credit) {
  for (int i = 0; i < opened; i++) {
    struct player *c = &player[i];
    if (c->state == DEAD || !c->is_swept) continue;
    if (!c->is_slow) player_sweep(c, 0);
    if (c->is_slow && slow_credit >= 1) player_sweep(c, slow_credit);
  }
}

/* The window opens and closes on bytes that have arrived, read or not. */
static struct sample window_edge(int closing) {
  sweep_all(opt.players, 0);
  for (int i = 0; i < opt.players; i++) *(closing ? &player[i].bytes_after : &player[i].bytes_before) = player[i].bytes;
  return take_sample();
}

static int by_value(const void *a, const void *b) {
  double x = *(double *)a, y = *(double *)b;
  return x < y ? -1 : x > y;
}

static double quantile(double *sorted, int n, double q) {
  int i = q * n;
  return n ? sorted[i < n ? i : n - 1] : -1;
}

/* A part of the window. */
struct slice {
  u64 from, to, frames;
  double p50, p99, max;
  int lost, slow_lost;
};

static struct slice slice[MAX_SLICES];
static int slices;

static void count_lost(int *lost, int *slow_lost) {
  *lost = *slow_lost = 0;
  for (int i = 0; i < opt.players; i++)
    if (player[i].state == DEAD) ++*(player[i].is_slow ? slow_lost : lost);
}

static void end_slice(u64 from, u64 to) {
  is_slice_over = 0;
  if (slices == MAX_SLICES) return;
  struct slice *s = &slice[slices++];
  *s = (struct slice){.from = from,
                      .to = to,
                      .frames = slice_latency.count,
                      .p50 = histogram_quantile(&slice_latency, .5),
                      .p99 = histogram_quantile(&slice_latency, .99),
                      .max = slice_latency.count ? slice_latency.max / 1000.0 : -1};
  count_lost(&s->lost, &s->slow_lost);
  memset(&slice_latency, 0, sizeof slice_latency);
}

static void print_slices(void) {
  printf("\"series\":[");
  for (int i = 0; i < slices; i++) {
    struct slice *s = &slice[i];
    printf("%s{\"fromUs\":%llu,\"s\":%.3f,\"frames\":%llu,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"lost\":%d,"
           "\"slowLost\":%d}",
           i ? "," : "", (unsigned long long)s->from / 1000, (s->to - s->from) / 1e9, (unsigned long long)s->frames,
           s->p50, s->p99, s->max, s->lost, s->slow_lost);
  }
  printf("],");
}

struct run {
  u64 begun, joined, window_from, window_to;
  long rss_before_kb;
  struct sample from, to;
  int dead_before;
};

static void print_latency(const char *name, const struct histogram *h) {
  printf("\"%s\":{\"frames\":%llu,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name,
         (unsigned long long)h->count, histogram_quantile(h, .5), histogram_quantile(h, .9), histogram_quantile(h, .99),
         h->count ? h->max / 1000.0 : -1);
}

static void print_play(const struct run *r, int parsed) {
  int n = opt.players, readers = 0, framed = 0, slow_dead = 0, behind = 0, behind_nominal = 0;
  double *bytes = zeroed(n, sizeof *bytes), *join = zeroed(n, sizeof *join), total = 0;
  double window = (r->window_to - r->window_from) / 1e9, nominal = opt.expect_bps * window / 8;
  u64 missing = 0, frames[2] = {0, 0};
  for (int i = 0; i < n; i++) {
    struct player *c = &player[i];
    if (c->is_slow) {
      slow_dead += c->state == DEAD;
      continue;
    }
    total += bytes[readers++] = c->bytes_after - c->bytes_before;
    if (c->first_frame) join[framed++] = (c->first_frame - c->dialled) / 1e6;
    missing += c->missing;
    for (int k = 0; k < 2; k++) frames[k] += c->frames[k];
  }
  qsort(bytes, readers, sizeof *bytes, by_value);
  qsort(join, framed, sizeof *join, by_value);
  double median = quantile(bytes, readers, .5);
  for (int i = 0; i < readers; i++) {
    behind += bytes[i] < .95 * median;
    behind_nominal += bytes[i] < .95 * nominal;
  }
  printf("{\"players\":%d,\"started\":%d,\"refused\":%d,\"lost\":%d,\"lostInWindow\":%d,\"slowLost\":%d,", n, started,
         refused, dead - slow_dead, dead - r->dead_before, slow_dead);
  printf("\"protocolErrors\":%d,\"windowFromUs\":%llu,\"windowS\":%.3f,\"joinS\":%.3f,\"joinMs\":{\"p50\":%.2f,\"p99\":"
         "%.2f},",
         protocol_errors, (unsigned long long)r->window_from / 1000, window, (r->joined - r->begun) / 1e9,
         quantile(join, framed, .5), quantile(join, framed, .99));
  printf("\"bytesPerS\":%.0f,\"behind\":%d,\"behindNominal\":%d,\"missingFrames\":%llu,", total / window, behind,
         behind_nominal, (unsigned long long)missing);
  print_latency("videoMs", &video_latency);
  print_latency("audioMs", &audio_latency);
  print_slices();
  printf("\"videoFps\":%.2f,\"audioFps\":%.2f,", parsed ? frames[1] / window / parsed : 0,
         parsed ? frames[0] / window / parsed : 0);
  printf("\"userS\":%.2f,\"systemS\":%.2f,\"onCpuS\":%.4f,\"rssBeforeKb\":%ld,\"rssKb\":%ld,\"tcpPages\":%ld,",
         r->to.user - r->from.user, r->to.system - r->from.system, r->to.on_cpu - r->from.on_cpu, r->rss_before_kb,
         r->to.rss_kb, r->to.tcp_pages);
  printf("\"ownCpuS\":%.3f,\"idleS\":%.2f,\"stolenS\":%.2f}\n", r->to.self - r->from.self, r->to.idle - r->from.idle,
         r->to.stolen - r->from.stolen);
  free(bytes);
  free(join);
}

static int run_play(void) {
  int n = opt.players, healthy = n - opt.slow, opened = 0;
  if (healthy < 0) die("--slow is more than --players");
  int parsed = opt.parse < 0 || opt.parse > healthy ? healthy : opt.parse;
  catch_signals();
  read_pids();
  player = zeroed(n, sizeof *player);
  poller = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < n; i++) {
    player[i].index = i;
    player[i].fd = -1;
    player[i].is_slow = i >= healthy;
  }
  for (int i = 0; i < parsed; i++) player[(u64)i * healthy / parsed].is_parsed = 1;

  struct run r = {.begun = now_ns(), .rss_before_kb = sample_rss_kb()};
  double join_limit = opt.join_timeout + (opt.join_rate > 0 ? n / opt.join_rate : 0);
  u64 next_sweep = r.begun, last_sweep = r.begun, slice_from = 0;
  struct epoll_event events[512];
  for (;;) {
    double elapsed = (now_ns() - r.begun) / 1e9;
    int want = opt.join_rate <= 0 || elapsed * opt.join_rate >= n ? n : (int)(elapsed * opt.join_rate) + 1;
    for (int burst = 0; opened < want && burst < 200; burst++) player_open(&player[opened++]);

    int ready = epoll_wait(poller, events, 512, opened < n ? 1 : 2);
    now = now_ns();
    for (int i = 0; i < ready; i++) player_event(&player[events[i].data.u32], events[i].events);

    u64 t = now_ns();
    if (t >= next_sweep) {
      sweep_all(opened, (t - last_sweep) / 1e9 * opt.slow_rate);
      last_sweep = t;
      next_sweep = t + SWEEP_MS * 1000000ull;
    }
    if (!r.joined && opened == n && (started + dead >= n || (t - r.begun) / 1e9 > join_limit)) {
      r.joined = t;
      fprintf(stderr, "joined %d lost %d\n", started, dead);
    }
    if (is_stopping && !r.joined) r.joined = t;
    if (!r.window_from && (is_stopping || (r.joined && t - r.joined >= opt.warmup * 1e9))) {
      r.dead_before = dead;
      r.from = window_edge(0);
      slice_from = r.window_from = now_ns();
      in_window = 1;
      is_slice_over = 0;
    } else if (r.window_from && (is_stopping || t - r.window_from >= opt.seconds * 1e9)) {
      r.to = window_edge(1);
      r.window_to = now_ns();
      break;
    } else if (r.window_from && (is_slice_over || (opt.series > 0 && t - slice_from >= opt.series * 1e9))) {
      end_slice(slice_from, t);
      slice_from = t;
    }
  }
  end_slice(slice_from, r.window_to);
  print_play(&r, parsed);
  return 0;
}

/* Publishers. */

struct publisher {
  int fd, is_dead, has_connected, has_stream, has_status;
  u32 stream, video_sequence, audio_sequence;
  u64 start, due, sent, skipped;
  int is_video_due;
  struct rtmp_reader reader;
  u8 *backlog;
  u32 backlog_size, backlog_room;
};

struct frame {
  u8 *bytes;
  u32 size, stamp_at;
};

static struct frame *video_frame, audio_frame;
static u64 frames_sent, lateness_ns, worst_lateness_ns;

struct bits {
  u8 bytes[64];
  int count;
};

static void put_bits(struct bits *b, u32 v, int n) {
  while (n--) {
    b->bytes[b->count >> 3] |= ((v >> n) & 1) << (7 - (b->count & 7));
    b->count++;
  }
}

static void put_ue(struct bits *b, u32 v) {
  int length = 0;
  while ((v + 1) >> (length + 1)) length++;
  put_bits(b, 0, length);
  put_bits(b, v + 1, length + 1);
}

/* An FLV AVC sequence header: Constrained Baseline 3.1, 1280x720 (ISO/IEC 14496-10, 7.3.2.1 and 7.3.2.2). */
static int write_avc_config(u8 *out) {
  struct bits sps = {.count = 0}, pps = {.count = 0};
  put_bits(&sps, 0x6742c01f, 32);
  put_ue(&sps, 0), put_ue(&sps, 0); /* parameter set id, frame number bits */
  put_ue(&sps, 2), put_ue(&sps, 1); /* order of pictures, reference frames */
  put_bits(&sps, 0, 1);
  put_ue(&sps, 1280 / 16 - 1), put_ue(&sps, 720 / 16 - 1);
  put_bits(&sps, 3, 2), put_bits(&sps, 0, 2), put_bits(&sps, 1, 1); /* frames only, no cropping, no VUI, stop bit */
  put_bits(&pps, 0x68, 8);
  put_ue(&pps, 0), put_ue(&pps, 0);
  put_bits(&pps, 0, 2);
  put_ue(&pps, 0), put_ue(&pps, 0), put_ue(&pps, 0);
  put_bits(&pps, 0, 3);
  put_ue(&pps, 0), put_ue(&pps, 0), put_ue(&pps, 0);
  put_bits(&pps, 0x9, 4);
  int sps_size = (sps.count + 7) / 8, pps_size = (pps.count + 7) / 8;
  u8 *o = out;
  memcpy(o, "\x17\0\0\0\0\x01\x42\xc0\x1f\xff\xe1\0", 12);
  o[12] = sps_size;
  memcpy(o + 13, sps.bytes, sps_size);
  o += 13 + sps_size;
  memcpy(o, "\x01\0", 2);
  o[2] = pps_size;
  memcpy(o + 3, pps.bytes, pps_size);
  return o + 3 + pps_size - out;
}

static u8 noise(void) {
  static u32 seed = 12345;
  seed = seed * 1103515245 + 12345;
  return seed >> 16;
}

static struct frame make_frame(u32 size, const u8 *head, u32 head_size) {
  if (size < head_size + STAMP_BYTES) size = head_size + STAMP_BYTES;
  struct frame f = {zeroed(1, size), size, head_size};
  memcpy(f.bytes, head, head_size);
  memcpy(f.bytes + head_size, MAGIC, 8);
  for (u32 i = head_size + 8; i < size; i++) f.bytes[i] = 0x80 | noise();
  return f;
}

/* One group of pictures at the bit rate asked for: the key frame six times an ordinary frame, those uneven. */
static void make_frames(void) {
  double budget = opt.vbps / 8 * opt.gop / opt.fps, weights = 0, *weight = zeroed(opt.gop, sizeof *weight);
  for (int i = 0; i < opt.gop; i++) weights += weight[i] = i ? .75 + noise() / 512.0 : 6;
  video_frame = zeroed(opt.gop, sizeof *video_frame);
  for (int i = 0; i < opt.gop; i++) {
    u32 size = budget * weight[i] / weights;
    u8 head[12] = {i ? 0x27 : 0x17, 1, 0, 0, 0, 0, 0, 0, 0, i ? 0x41 : 0x65, i ? 0x9a : 0x88, 0x84};
    video_frame[i] = make_frame(size, head, 12);
    write_u32(video_frame[i].bytes + 5, video_frame[i].size - 9);
  }
  free(weight);
  audio_frame = make_frame(opt.abps / 8 * AUDIO_SAMPLES / AUDIO_RATE, (const u8 *)"\xaf\x01", 2);
}

static void on_publisher_message(void *owner, int type, u32 size, const u8 *p, int n) {
  struct publisher *b = owner;
  (void)size;
  u8 out[64];
  if (is_ping(type, p, n) && !b->backlog_size) send(b->fd, out, rtmp_pong(out, p), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (type != COMMAND && type != COMMAND_AMF3) return;
  char name[64];
  double transaction;
  int at;
  if (read_command(&p, &n, type, name, sizeof name, &transaction, &at) < 0) return;
  if (!strcmp(name, "_result") && transaction == 1) b->has_connected = 1;
  if (!strcmp(name, "_result") && transaction == 4) {
    b->stream = read_stream_id(p, n, at);
    b->has_stream = 1;
  }
  if (!strcmp(name, "onStatus")) {
    b->has_status = 1;
    b->is_dead |= memmem(p, n, "error", 5) != NULL;
  }
}

static int send_all(int fd, const u8 *p, int n) {
  while (n > 0) {
    ssize_t r = send(fd, p, n, MSG_NOSIGNAL);
    if (r <= 0) return -1;
    p += r;
    n -= r;
  }
  return 0;
}

/* A server that leaves Nagle on waits for our delayed ACK, 40 ms a round trip; opening hundreds must not take that. */
static ssize_t quick_recv(int fd, u8 *out, size_t room) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  return recv(fd, out, room, 0);
}

static int wait_for(struct publisher *b, const int *flag) {
  u8 buffer[8192];
  for (u64 end = now_ns() + OPEN_TIMEOUT; !*flag && !b->is_dead && now_ns() < end;) {
    ssize_t r = quick_recv(b->fd, buffer, sizeof buffer);
    if (is_fatal(r)) return -1;
    if (r > 0 && rtmp_read(&b->reader, buffer, r, on_publisher_message, b) < 0) return -1;
  }
  return *flag && !b->is_dead ? 0 : -1;
}

static int publisher_handshake(struct publisher *b) {
  u8 buffer[1 + 2 * HANDSHAKE_BYTES] = {3}, out[4096], chunk[4];
  write_c1(buffer + 1);
  if (send_all(b->fd, buffer, 1 + HANDSHAKE_BYTES)) return -1;
  size_t got = 0;
  for (u64 end = now_ns() + OPEN_TIMEOUT; got < sizeof buffer;) {
    ssize_t r = quick_recv(b->fd, buffer + got, sizeof buffer - got);
    if (is_fatal(r) || now_ns() > end) return -1;
    if (r > 0) got += r;
  }
  memcpy(out, buffer + 1, HANDSHAKE_BYTES);
  int m = HANDSHAKE_BYTES + rtmp_connect(out + HANDSHAKE_BYTES);
  write_u32(chunk, MEDIA_CHUNK);
  m += rtmp_control(out + m, SET_CHUNK_SIZE, chunk, 4);
  return send_all(b->fd, out, m) || wait_for(b, &b->has_connected) ? -1 : 0;
}

static int send_headers(struct publisher *b) {
  struct amf a = {.size = 0};
  amf_string(&a, "@setDataFrame"), amf_string(&a, "onMetaData"), amf_object(&a);
  amf_key(&a, "width"), amf_number(&a, 1280);
  amf_key(&a, "height"), amf_number(&a, 720);
  amf_key(&a, "framerate"), amf_number(&a, opt.fps);
  amf_key(&a, "videocodecid"), amf_number(&a, 7);
  amf_key(&a, "videodatarate"), amf_number(&a, opt.vbps / 1000);
  amf_key(&a, "audiocodecid"), amf_number(&a, 10);
  amf_key(&a, "audiodatarate"), amf_number(&a, opt.abps / 1000);
  amf_key(&a, "audiosamplerate"), amf_number(&a, AUDIO_RATE);
  amf_end(&a);
  u8 out[4096], avc[256];
  int m = rtmp_write(out, (struct message){4, DATA, 0, b->stream}, a.bytes, a.size, MEDIA_CHUNK);
  m += rtmp_write(out + m, (struct message){6, VIDEO, 0, b->stream}, avc, write_avc_config(avc), MEDIA_CHUNK);
  m += rtmp_write(out + m, (struct message){4, AUDIO, 0, b->stream}, (const u8 *)"\xaf\0\x12\x10", 4, MEDIA_CHUNK);
  return send_all(b->fd, out, m);
}

static int publisher_open(struct publisher *b, int i) {
  static const char *const before[] = {"releaseStream", "FCPublish"};
  char name[128];
  stream_name(name, sizeof name, i);
  b->fd = dial(0);
  if (b->fd < 0) return -1;
  struct timeval second = {1, 0};
  setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  rtmp_reader_init(&b->reader);
  if (publisher_handshake(b)) return -1;

  u8 out[4096];
  int m = 0;
  for (int k = 0; k < 2; k++) {
    struct amf a = {.size = 0};
    amf_string(&a, before[k]), amf_number(&a, 2 + k), amf_null(&a), amf_string(&a, name);
    m += rtmp_command(out + m, 3, 0, &a, MEDIA_CHUNK);
  }
  struct amf create = {.size = 0}, publish = {.size = 0};
  amf_string(&create, "createStream"), amf_number(&create, 4), amf_null(&create);
  m += rtmp_command(out + m, 3, 0, &create, MEDIA_CHUNK);
  if (send_all(b->fd, out, m) || wait_for(b, &b->has_stream)) return -1;

  b->has_status = 0;
  amf_string(&publish, "publish"), amf_number(&publish, 5), amf_null(&publish);
  amf_string(&publish, name), amf_string(&publish, "live");
  m = rtmp_command(out, 4, b->stream, &publish, MEDIA_CHUNK);
  if (send_all(b->fd, out, m) || wait_for(b, &b->has_status) || send_headers(b)) return -1;
  set_nonblocking(b->fd);
  return 0;
}

static void schedule(struct publisher *b) {
  u64 video = b->start + b->video_sequence * SECOND / opt.fps;
  u64 audio = b->start + (u64)((double)b->audio_sequence * AUDIO_SAMPLES / AUDIO_RATE * 1e9);
  b->is_video_due = video <= audio;
  b->due = b->is_video_due ? video : audio;
}

static void flush_backlog(struct publisher *b) {
  ssize_t r = send(b->fd, b->backlog, b->backlog_size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (r < 0) {
    b->is_dead |= errno != EAGAIN;
    return;
  }
  memmove(b->backlog, b->backlog + r, b->backlog_size - r);
  b->backlog_size -= r;
  b->sent += r;
}

static void keep_backlog(struct publisher *b, const u8 *p, u32 n) {
  if (b->backlog_size + n > b->backlog_room) {
    b->backlog_room = (b->backlog_size + n) * 2;
    b->backlog = grow(b->backlog, b->backlog_room);
  }
  memcpy(b->backlog + b->backlog_size, p, n);
  b->backlog_size += n;
}

static void send_frame(struct publisher *b) {
  static u8 *out;
  static u32 room;
  int is_video = b->is_video_due;
  struct frame *f = is_video ? &video_frame[b->video_sequence % opt.gop] : &audio_frame;
  u32 sequence = is_video ? b->video_sequence++ : b->audio_sequence++, most = f->size + f->size / MEDIA_CHUNK + 16;
  if (most > room) out = grow(out, room = most);
  u64 t = now_ns();
  write_digits(f->bytes + f->stamp_at + 8, sequence, 8);
  write_digits(f->bytes + f->stamp_at + 16, t, 16);
  frames_sent++;
  lateness_ns += t - b->due;
  if (t - b->due > worst_lateness_ns) worst_lateness_ns = t - b->due;

  struct message m = {is_video ? 6 : 4, is_video ? VIDEO : AUDIO, (b->due - b->start) / 1000000, b->stream};
  u32 size = rtmp_write(out, m, f->bytes, f->size, MEDIA_CHUNK), done = 0;
  if (b->backlog_size) flush_backlog(b);
  if (!b->backlog_size && !b->is_dead) {
    ssize_t r = send(b->fd, out, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (r < 0) b->is_dead |= errno != EAGAIN;
    if (r > 0) done = r;
    b->sent += done;
  }
  if (b->is_dead || done == size) return;
  if (!done && b->backlog_size + size > MAX_BACKLOG)
    b->skipped++;
  else
    keep_backlog(b, out + done, size - done);
}

static void publisher_read(struct publisher *b) {
  static u8 buffer[65536];
  ssize_t r = recv(b->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (is_fatal(r) || (r > 0 && rtmp_read(&b->reader, buffer, r, on_publisher_message, b) < 0)) {
    b->is_dead = 1;
    close(b->fd);
    b->fd = -1;
  } else if (b->backlog_size) {
    flush_backlog(b);
  }
}

static int run_publish(void) {
  int n = opt.streams, failed = 0, lost = 0;
  catch_signals();
  make_frames();
  struct publisher *publisher = zeroed(n, sizeof *publisher);
  for (int i = 0; i < n && !is_stopping; i++) {
    if (publisher_open(&publisher[i], i) == 0) continue;
    publisher[i].is_dead = 1;
    failed++;
  }
  fprintf(stderr, "published %d failed %d\n", n - failed, failed);

  poller = epoll_create1(EPOLL_CLOEXEC);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = n};
  epoll_ctl(poller, EPOLL_CTL_ADD, timer, &e);
  u64 base = now_ns() + SECOND / 50, end = base + (u64)(opt.seconds * 1e9);
  for (int i = 0; i < n; i++) {
    publisher[i].start = base + opt.gop * SECOND / opt.fps * i / n;
    schedule(&publisher[i]);
    e.data.u32 = i;
    if (!publisher[i].is_dead) epoll_ctl(poller, EPOLL_CTL_ADD, publisher[i].fd, &e);
  }
  while (failed < n && !is_stopping && now_ns() < end) {
    u64 next = end, t = now_ns();
    for (int i = 0; i < n; i++) {
      struct publisher *b = &publisher[i];
      for (; !b->is_dead && b->due <= t; schedule(b)) send_frame(b);
      if (!b->is_dead && b->due < next) next = b->due;
    }
    struct itimerspec wake = {.it_value = {next / SECOND, next % SECOND}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &wake, NULL);
    struct epoll_event events[128];
    int ready = epoll_wait(poller, events, 128, 1000);
    for (int i = 0; i < ready; i++) {
      u64 expirations;
      if (events[i].data.u32 == (u32)n && read(timer, &expirations, 8) < 0 && errno != EAGAIN) die("timer");
      if (events[i].data.u32 < (u32)n && publisher[events[i].data.u32].fd >= 0)
        publisher_read(&publisher[events[i].data.u32]);
    }
  }
  u64 sent = 0, skipped = 0;
  double seconds = now_ns() > base ? (now_ns() - base) / 1e9 : 0;
  for (int i = 0; i < n; i++) {
    sent += publisher[i].sent;
    skipped += publisher[i].skipped;
    lost += publisher[i].is_dead;
  }
  printf("{\"published\":%d,\"failed\":%d,\"lost\":%d,\"seconds\":%.2f,\"frames\":%llu,\"bytes\":%llu,"
         "\"skipped\":%llu,\"lateMs\":{\"mean\":%.3f,\"max\":%.3f},\"ownCpuS\":%.3f}\n",
         n - failed, failed, lost - failed, seconds, (unsigned long long)frames_sent, (unsigned long long)sent,
         (unsigned long long)skipped, frames_sent ? lateness_ns / 1e6 / frames_sent : 0, worst_lateness_ns / 1e6,
         own_cpu());
  return failed == n;
}

/* The command. */

/* Neither the death of the parent nor a hung program may leave something running: both survive exec. */
static int run_exec(char **program) {
  if (!*program) die("exec: no program");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(opt.seconds < 1 ? 1 : (unsigned)opt.seconds);
  execvp(*program, program);
  die(*program);
  return 2;
}

static void set_option(const char *key, const char *value) {
  struct {
    const char *key;
    const char **text;
    int *whole;
    double *real;
  } table[] = {
      {"--proto", &opt.proto, 0, 0},
      {"--app", &opt.app, 0, 0},
      {"--name", &opt.name, 0, 0},
      {"--pids", &opt.pids, 0, 0},
      {"--port", 0, &opt.port, 0},
      {"--players", 0, &opt.players, 0},
      {"--streams", 0, &opt.streams, 0},
      {"--parse", 0, &opt.parse, 0},
      {"--slow", 0, &opt.slow, 0},
      {"--fps", 0, &opt.fps, 0},
      {"--gop", 0, &opt.gop, 0},
      {"--warmup", 0, 0, &opt.warmup},
      {"--seconds", 0, 0, &opt.seconds},
      {"--series", 0, 0, &opt.series},
      {"--join-rate", 0, 0, &opt.join_rate},
      {"--slow-rate", 0, 0, &opt.slow_rate},
      {"--join-timeout", 0, 0, &opt.join_timeout},
      {"--vbps", 0, 0, &opt.vbps},
      {"--abps", 0, 0, &opt.abps},
      {"--expect-bps", 0, 0, &opt.expect_bps},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (strcmp(key, table[i].key)) continue;
    if (table[i].text) *table[i].text = value;
    if (table[i].whole) *table[i].whole = atoi(value);
    if (table[i].real) *table[i].real = atof(value);
    return;
  }
  fprintf(stderr, "loadgen: unknown option %s\n", key);
  exit(2);
}

static double within(double v, double least, double most) { return v < least ? least : v > most ? most : v; }

int main(int count, char **word) {
  if (count < 2) die("usage: loadgen publish|play|exec --key value ...");
  signal(SIGPIPE, SIG_IGN);
  int i = 2;
  for (; i < count && word[i][0] == '-'; i++) {
    if (!strcmp(word[i], "--idle")) {
      opt.idle = 1;
    } else {
      if (i + 1 == count) die("option without a value");
      set_option(word[i], word[i + 1]);
      i++;
    }
  }
  opt.seconds = within(opt.seconds, 0, MAX_SECONDS);
  opt.warmup = within(opt.warmup, 0, MAX_SECONDS);
  opt.series = within(opt.series, 0, MAX_SECONDS);
  if (!strcmp(word[1], "exec")) {
    signal(SIGPIPE, SIG_DFL);
    return run_exec(word + i);
  }
  opt.players = within(opt.players, 1, MAX_PLAYERS);
  opt.streams = within(opt.streams, 1, MAX_PLAYERS);
  opt.fps = within(opt.fps, 1, 240);
  opt.gop = within(opt.gop, 1, 10000);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (!strcmp(word[1], "play")) return run_play();
  if (!strcmp(word[1], "publish")) return run_publish();
  die("unknown mode");
}
