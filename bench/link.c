/* link: a program behind a line with delay, loss and a rate.
 *
 *   link [--delay 20] [--loss 0] [--rate 0] [--queue 100] [--seed 1] [--net 1] [--congestion reno] [--report file]
 *        program arguments...
 *
 * Runs the program in a network namespace of its own and joins that to the namespace it was started in by two TUN
 * devices with an MTU of 1500, between which it carries the packets itself. Each direction delays by --delay ms, loses
 * --loss of a thousand packets at random (--seed), and passes --rate kbit/s (0: no limit) with a queue of --queue ms,
 * whose end is dropped when it is full. In the far namespace 127.0.0.1 is the near one: what listens there is reached
 * over the line. The far one's address is 10.99.NET.2, so several lines can begin in one place.
 *
 * Passes SIGTERM, SIGINT and SIGUSR1 on, ends with the program and its exit code, and then writes to --report what it
 * carried and how late it was. --congestion sets TCP's congestion control in the near namespace. That is changed, so
 * a namespace with other devices that are up is refused: start it under `unshare -n` (or `unshare -rn`).
 *
 * Needs Linux, /dev/net/tun, `ip`, and CAP_NET_ADMIN in the namespace. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define SECOND 1000000000ull
#define MTU 1500
#define ROOM 65536 /* packets on the line, each way */
#define DEVICE "link"
#define DEVICE_QUEUE 20000
#define TURN 64 /* packets read before the others get their turn */
#define LATE_STEP 10000ull /* ns */
#define LATE_STEPS 10000

static struct {
  double delay, loss, rate, queue;
  int seed, net;
  const char *congestion, *report;
} opt = {.delay = 20, .queue = 100, .seed = 1, .net = 1};

struct packet {
  u64 due;
  u32 size;
  u8 bytes[MTU];
};

/* Packets leave in the order in which they came. The buffers are a stack, so that those in use stay in the cache. */
struct direction {
  int in, out;
  struct packet *packet;
  u32 waiting[ROOM], spare[ROOM], head, count;
  u64 random, line_free;
  u64 packets, bytes, lost, dropped, refused;
};

static struct direction down, up;
static u64 late_count, late_ns, late_max, late[LATE_STEPS];
static volatile sig_atomic_t passed_on, has_child_changed;

static void die(const char *what) {
  fprintf(stderr, "link: %s (%s)\n", what, strerror(errno));
  exit(2);
}

static u64 now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (u64)t.tv_sec * SECOND + t.tv_nsec;
}

/* Namespaces and devices. */

static void write_setting(const char *path, const char *value, int is_needed) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if ((fd < 0 || write(fd, value, strlen(value)) < 0) && is_needed) {
    fprintf(stderr, "link: %s does not take \"%s\" (%s)\n", path, value, strerror(errno));
    exit(2);
  }
  if (fd >= 0) close(fd);
}

/* Nothing but loopback and other lines: a namespace that is connected elsewhere is not ours to change. */
static void refuse_connected_namespace(void) {
  struct if_nameindex *all = if_nameindex();
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!all || control < 0) die("the devices of this namespace");
  for (struct if_nameindex *i = all; i->if_index; i++) {
    struct ifreq r = {0};
    strncpy(r.ifr_name, i->if_name, IFNAMSIZ - 1);
    if (ioctl(control, SIOCGIFFLAGS, &r) < 0 || !(r.ifr_flags & IFF_UP) || r.ifr_flags & IFF_LOOPBACK) continue;
    if (!strncmp(i->if_name, DEVICE, sizeof DEVICE - 1)) continue;
    fprintf(stderr, "link: %s is up here, so this network namespace is in use; use unshare -n\n", i->if_name);
    exit(2);
  }
  if_freenameindex(all);
  close(control);
}

static struct sockaddr *address(struct sockaddr *out, const char *text) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  inet_pton(AF_INET, text, &in.sin_addr);
  memcpy(out, &in, sizeof in);
  return out;
}

static void ask(int fd, unsigned long request, void *value, const char *what) {
  if (ioctl(fd, request, value) < 0) die(what);
}

/* The TUN device of this namespace, up; `host` is the last byte of its address. `name` receives its name. */
static int open_device(int host, char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("/dev/net/tun");
  struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(r.ifr_name, DEVICE "%d");
  ask(fd, TUNSETIFF, &r, "no TUN device");
  strcpy(name, r.ifr_name);
  char text[32], path[96];
  r.ifr_mtu = MTU;
  ask(control, SIOCSIFMTU, &r, "MTU of the device");
  /* Not by ioctl, which only the machine's own root may use. */
  snprintf(path, sizeof path, "ip link set dev %s txqueuelen %d", name, DEVICE_QUEUE);
  if (system(path)) die("queue of the device");
  snprintf(text, sizeof text, "10.99.%d.%d", opt.net, host);
  address(&r.ifr_addr, text);
  ask(control, SIOCSIFADDR, &r, "address of the device");
  address(&r.ifr_netmask, "255.255.255.0");
  ask(control, SIOCSIFNETMASK, &r, "mask of the device");
  r.ifr_flags = IFF_UP;
  ask(control, SIOCSIFFLAGS, &r, "device up");
  /* 127.0.0.1 may come and go over this device. */
  snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/route_localnet", name);
  write_setting(path, "1", 1);
  close(control);
  return fd;
}

static void route_loopback(char *name) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct rtentry route = {.rt_flags = RTF_UP | RTF_HOST, .rt_dev = name};
  address(&route.rt_dst, "127.0.0.1");
  ask(control, SIOCADDRT, &route, "route to 127.0.0.1");
  close(control);
}

/* What a device could not take, from a /proc/net/dev that was opened in its namespace. */
static u64 device_drops(int fd, const char *name) {
  static char text[8192];
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  text[n > 0 ? n : 0] = 0;
  char *line = strstr(text, name);
  unsigned long long dropped = 0;
  if (line) sscanf(line + strlen(name), ": %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &dropped);
  return dropped;
}

/* The line. */

static u32 draw(struct direction *d) {
  d->random ^= d->random << 13;
  d->random ^= d->random >> 7;
  d->random ^= d->random << 17;
  return d->random >> 32;
}

static void direction_init(struct direction *d, int in, int out, u64 seed) {
  d->in = in;
  d->out = out;
  d->packet = calloc(ROOM, sizeof *d->packet);
  if (!d->packet) die("out of memory");
  for (u32 i = 0; i < ROOM; i++) d->spare[i] = ROOM - 1 - i;
  d->random = (seed + 1) * 0x9e3779b97f4a7c15ull;
  for (int i = 0; i < 16; i++) draw(d);
}

/* When a packet of that size has left the sender; 0 when the queue is full. */
static u64 leave(struct direction *d, u64 now, u32 size) {
  if (opt.rate <= 0) return now;
  u64 from = d->line_free > now ? d->line_free : now;
  if (from - now > opt.queue * 1e6) return 0;
  return d->line_free = from + (u64)(size * 8e6 / opt.rate);
}

/* Returns whether there may be more to read. */
static int take(struct direction *d) {
  static u8 discarded[MTU];
  for (int i = 0; i < TURN; i++) {
    int has_room = d->count < ROOM;
    u32 index = has_room ? d->spare[ROOM - 1 - d->count] : 0;
    struct packet *p = &d->packet[index];
    ssize_t n = read(d->in, has_room ? p->bytes : discarded, MTU);
    if (n < 0 && errno != EAGAIN && errno != EINTR) die("reading the device");
    if (n <= 0) return 0;
    if (draw(d) < opt.loss / 1000 * 4294967296.0) {
      d->lost++;
      continue;
    }
    u64 now = now_ns(), left = has_room ? leave(d, now, n) : 0;
    if (!left) {
      d->dropped++;
      continue;
    }
    p->size = n;
    p->due = left + (u64)(opt.delay * 1e6);
    d->waiting[(d->head + d->count++) % ROOM] = index;
  }
  return 1;
}

static void note_late(u64 ns) {
  late_count++;
  late_ns += ns;
  if (ns > late_max) late_max = ns;
  late[ns / LATE_STEP < LATE_STEPS ? ns / LATE_STEP : LATE_STEPS - 1]++;
}

static void deliver(struct direction *d) {
  for (u64 now = now_ns(); d->count; now = now_ns()) {
    u32 index = d->waiting[d->head];
    struct packet *p = &d->packet[index];
    if (p->due > now) return;
    note_late(now - p->due);
    /* A device refuses what its namespace cannot take, as a network would: counted, not fatal. */
    if (write(d->out, p->bytes, p->size) == (ssize_t)p->size) {
      d->packets++;
      d->bytes += p->size;
    } else {
      d->refused++;
    }
    d->head = (d->head + 1) % ROOM;
    d->count--;
    d->spare[ROOM - 1 - d->count] = index;
  }
}

static u64 next_due(void) {
  u64 next = now_ns() + SECOND;
  const struct direction *both[] = {&down, &up};
  for (int i = 0; i < 2; i++) {
    if (!both[i]->count) continue;
    u64 due = both[i]->packet[both[i]->waiting[both[i]->head]].due;
    if (due < next) next = due;
  }
  return next;
}

/* The program behind it. */

static void on_signal(int number) {
  if (number == SIGCHLD)
    has_child_changed = 1;
  else
    passed_on = number;
}

static pid_t start(char **program, const sigset_t *mask) {
  pid_t parent = getpid(), child = fork();
  if (child < 0) die("fork");
  if (child) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(2);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(*program, program);
  die(*program);
  return 0;
}

static int run_line(pid_t child, const sigset_t *mask) {
  struct pollfd ready[] = {{.fd = down.in, .events = POLLIN}, {.fd = up.in, .events = POLLIN}};
  for (;;) {
    if (passed_on) {
      kill(child, passed_on);
      passed_on = 0;
    }
    if (has_child_changed) {
      has_child_changed = 0;
      int status;
      if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    int has_more = take(&down) | take(&up);
    deliver(&down);
    deliver(&up);
    if (has_more) continue;
    u64 now = now_ns(), next = next_due(), wait = next > now ? next - now : 0;
    struct timespec timeout = {wait / SECOND, wait % SECOND};
    if (ppoll(ready, 2, &timeout, mask) < 0 && errno != EINTR) die("ppoll");
  }
}

static double late_quantile(double q) {
  u64 seen = 0;
  for (int i = 0; i < LATE_STEPS; i++) {
    seen += late[i];
    if (late_count && seen > q * late_count) return i * (LATE_STEP / 1e6);
  }
  return late_count ? late_max / 1e6 : 0;
}

static void print_direction(FILE *f, const char *name, const struct direction *d, u64 overrun) {
  fprintf(f,
          "\"%s\":{\"packets\":%llu,\"bytes\":%llu,\"lost\":%llu,\"dropped\":%llu,\"refused\":%llu,"
          "\"overrun\":%llu},",
          name, (unsigned long long)d->packets, (unsigned long long)d->bytes, (unsigned long long)d->lost,
          (unsigned long long)d->dropped, (unsigned long long)d->refused, (unsigned long long)overrun);
}

static void write_report(double seconds, u64 overrun_down, u64 overrun_up) {
  FILE *f = fopen(opt.report, "w");
  if (!f) die(opt.report);
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  double cpu = r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
  fprintf(f, "{\"seconds\":%.3f,\"cpuS\":%.3f,", seconds, cpu);
  print_direction(f, "down", &down, overrun_down);
  print_direction(f, "up", &up, overrun_up);
  fprintf(f, "\"lateMs\":{\"mean\":%.3f,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.3f}}\n",
          late_count ? late_ns / 1e6 / late_count : 0, late_quantile(.5), late_quantile(.99), late_max / 1e6);
  fclose(f);
}

static int read_option(const char *key, const char *value) {
  struct {
    const char *key;
    double *real;
    int *whole;
    const char **text;
  } table[] = {
      {"--delay", &opt.delay, 0, 0},     {"--loss", &opt.loss, 0, 0},
      {"--rate", &opt.rate, 0, 0},       {"--queue", &opt.queue, 0, 0},
      {"--seed", 0, &opt.seed, 0},       {"--net", 0, &opt.net, 0},
      {"--report", 0, 0, &opt.report},   {"--congestion", 0, 0, &opt.congestion},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (strcmp(key, table[i].key)) continue;
    if (table[i].real) *table[i].real = atof(value);
    if (table[i].whole) *table[i].whole = atoi(value);
    if (table[i].text) *table[i].text = value;
    return 1;
  }
  return 0;
}

int main(int count, char **word) {
  int i = 1;
  for (; i + 1 < count && word[i][0] == '-'; i += 2) {
    if (read_option(word[i], word[i + 1])) continue;
    errno = EINVAL;
    die(word[i]);
  }
  int is_line = opt.delay >= 0 && opt.delay <= 10000 && opt.loss >= 0 && opt.loss <= 1000;
  if (i >= count || !is_line || opt.net < 0 || opt.net > 255) {
    errno = EINVAL;
    die("usage: link --key value ... program arguments...");
  }
  refuse_connected_namespace();
  char near_name[IFNAMSIZ], far_name[IFNAMSIZ];
  int near_device = open_device(1, near_name), near_counters = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
  /* All players have one address here; what TCP remembers of it would make each the heir of the one before. */
  write_setting("/proc/sys/net/ipv4/tcp_no_metrics_save", "1", 1);
  if (opt.congestion) write_setting("/proc/sys/net/ipv4/tcp_congestion_control", opt.congestion, 1);
  if (unshare(CLONE_NEWNET) < 0) die("no network namespace");
  int far_device = open_device(2, far_name), far_counters = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
  route_loopback(far_name);
  direction_init(&down, near_device, far_device, opt.seed);
  direction_init(&up, far_device, near_device, opt.seed + 1000000ull);

  sigset_t blocked, before;
  sigemptyset(&blocked);
  const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGUSR1};
  for (int k = 0; k < 4; k++) {
    sigaddset(&blocked, numbers[k]);
    signal(numbers[k], on_signal);
  }
  sigprocmask(SIG_BLOCK, &blocked, &before);
  pid_t child = start(word + i, &before);
  /* A line does not wait for a processor: before all programs if that is allowed, and without the timer's slack. */
  struct sched_param lowest = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_RR, &lowest) < 0) setpriority(PRIO_PROCESS, 0, -20);
  prctl(PR_SET_TIMERSLACK, 1);
  u64 from = now_ns();
  int code = run_line(child, &before);
  if (opt.report)
    write_report((now_ns() - from) / 1e9, device_drops(near_counters, near_name), device_drops(far_counters, far_name));
  return code;
}
