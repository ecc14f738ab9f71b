// The load of `npm run bench`: an origin and the clients of a proxy, each one epoll loop. README.md says what is measured.
//
//   load origin                  listens at a free port of 127.0.0.1 and prints it; ends with its standard input
//   load run KIND PROXY ORIGIN MODE AT_ONCE SECONDS PID [HOLD]
//     KIND      socks5, login (the same as user bench, password bench), name (the same, asking for the origin by a name) or
//               http (CONNECT; in mode h plain GETs)
//     MODE      c  a connection: handshake, 64 bytes there and back, close
//               d, u  a gigabyte down or up, in tunnels that stay
//               r  64 bytes there and back, in tunnels that stay
//               h  a plain HTTP request on connections that stay
//               i  AT_ONCE tunnels, opened 256 at a time, that then stand still
//     HOLD      tunnels that are opened before and stand still meanwhile: their cost is not counted
//
// Prints one line of JSON: how much was done, in how long, the CPU of PID and all its descendants meanwhile, their memory
// before and after. The origin is told by the first byte of a connection what it is for: E echoes, D sends for ever, U takes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
#define MESSAGE 64
#define OPENING 256

static int epoll;
static char buffer[262144];

static double seconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void watch(int fd, int operation, unsigned events) {
	struct epoll_event event = {.events = events, .data.fd = fd};
	epoll_ctl(epoll, operation, fd, &event);
}

static void no_delay(int fd) {
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static struct sockaddr_in loopback(unsigned host, int port) {
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

// --- the origin

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n"
							 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct { char purpose; int seen; } served[MOST];

static int put(int fd, const void *bytes, size_t length) { return write(fd, bytes, length) == (ssize_t)length; }

// An answer for each empty line, wherever the segments end.
static int answer(int fd, const char *bytes, ssize_t length) {
	for (ssize_t i = 0; i < length; i++) {
		char wanted = served[fd].seen % 2 ? '\n' : '\r';
		served[fd].seen = bytes[i] == wanted ? served[fd].seen + 1 : bytes[i] == '\r';
		if (served[fd].seen < 4) continue;
		served[fd].seen = 0;
		if (!put(fd, ANSWER, sizeof ANSWER - 1)) return 0;
	}
	return 1;
}

// False: the connection is over.
static int serve(int fd, unsigned events) {
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t length = read(fd, buffer, sizeof buffer);
		if (length == 0 || (length < 0 && errno != EAGAIN)) return 0;
		if (length > 0 && !served[fd].purpose) {
			served[fd].purpose = buffer[0];
			if (buffer[0] == 'D') watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
		}
		if (length > 0 && served[fd].purpose == 'E' && !put(fd, buffer, length)) return 0;
		if (length > 0 && served[fd].purpose == 'G' && !answer(fd, buffer, length)) return 0;
	}
	if (events & EPOLLOUT && write(fd, buffer, sizeof buffer) < 0 && errno != EAGAIN) return 0;
	return 1;
}

static int origin(void) {
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in at = loopback(INADDR_LOOPBACK, 0);
	socklen_t size = sizeof at;
	if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) return 1;
	getsockname(listener, (void *)&at, &size);
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	watch(listener, EPOLL_CTL_ADD, EPOLLIN);
	watch(0, EPOLL_CTL_ADD, EPOLLIN);
	struct epoll_event events[256];
	for (;;) {
		int count = epoll_wait(epoll, events, 256, -1);
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			if (fd == 0) return 0;
			if (fd != listener) {
				if (!serve(fd, events[i].events)) close(fd);
				continue;
			}
			while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
				no_delay(fd);
				memset(&served[fd], 0, sizeof served[fd]);
				watch(fd, EPOLL_CTL_ADD, EPOLLIN);
			}
		}
	}
}

// --- the clients

enum step { CONNECTING, METHODS, REPLY, OPEN };
static struct client { enum step step; int got; char held; } clients[MOST];
static int proxy_port, origin_port, is_http, has_login, asks_name;
static char mode;
static char request[512], greeting[MESSAGE];
static int request_bytes;
static long done, failures, bytes, opened;
// Still to be opened in this phase; behind it a connection that is over is followed by another.
static long wanted, opening;
static int counting;

static void dial(int held) {
	static unsigned turn;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), late = 1;
	if (fd < 0 || fd >= MOST) {
		fprintf(stderr, "no descriptor\n");
		exit(1);
	}
	no_delay(fd);
	// From thousands of addresses, each a client of its own; ports are not what is measured.
	struct sockaddr_in from = loopback(0x7f010001 + turn++ % 4000, 0), to = loopback(INADDR_LOOPBACK, proxy_port);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
	bind(fd, (void *)&from, sizeof from);
	clients[fd] = (struct client){CONNECTING, 0, held};
	opening++;
	watch(fd, EPOLL_CTL_ADD, EPOLLOUT);
	if (connect(fd, (void *)&to, sizeof to) && errno != EINPROGRESS) failures++;
}

static void over(int fd, int well) {
	struct linger reset = {1, 0};
	if (clients[fd].step != OPEN) opening--;
	// A client's ports in TIME_WAIT would soon be all there are.
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	int held = clients[fd].held;
	close(fd);
	if (!well) failures++;
	if (counting && !held) dial(0);
}

static int speak(int fd) {
	char purpose = mode == 'd' ? 'D' : mode == 'u' ? 'U' : 'E';
	clients[fd].got = 0;
	if (mode == 'h' && !clients[fd].held) return put(fd, request, request_bytes);
	memset(greeting, purpose, sizeof greeting);
	return put(fd, greeting, mode == 'd' || mode == 'u' ? 1 : MESSAGE);
}

// The tunnel is open, or the connection of plain HTTP.
static int begin(int fd) {
	struct client *client = &clients[fd];
	client->step = OPEN;
	opening--;
	opened++;
	if (client->held || mode == 'i') {
		watch(fd, EPOLL_CTL_MOD, EPOLLIN);
		return 1;
	}
	watch(fd, EPOLL_CTL_MOD, mode == 'u' ? EPOLLOUT | EPOLLIN : EPOLLIN);
	return speak(fd);
}

static int connected(int fd) {
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) return 0;
	if (mode == 'h' && !clients[fd].held) return begin(fd);
	clients[fd].step = is_http ? REPLY : METHODS;
	watch(fd, EPOLL_CTL_MOD, EPOLLIN);
	return is_http ? dprintf(fd, "CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", origin_port, origin_port) > 0
				   : put(fd, has_login ? "\5\1\2" : "\5\1\0", 3);
}

// Reads on up to `length` bytes of a step: 1 when they are there, 0 not yet, -1 over.
static int gather(int fd, int length) {
	ssize_t got = read(fd, buffer, length - clients[fd].got);
	if (got == 0 || (got < 0 && errno != EAGAIN)) return -1;
	if (got > 0) clients[fd].got += got;
	return clients[fd].got == length;
}

static int methods(int fd) {
	int state = gather(fd, 2);
	if (state <= 0) return state == 0;
	unsigned char ask[] = {5, 1, 0, 1, 127, 0, 0, 1, origin_port >> 8, origin_port & 255};
	// Below localhost, which is resolved without a name server (RFC 6761 section 6.3).
	static const char name[] = "cdn.assets.localhost";
	char ask_name[5 + sizeof name - 1 + 2] = {5, 1, 0, 3, sizeof name - 1};
	clients[fd].got = 0;
	clients[fd].step = REPLY;
	if (has_login && !put(fd, "\1\5bench\5bench", 13)) return 0;
	if (!asks_name) return put(fd, ask, sizeof ask);
	memcpy(ask_name + 5, name, sizeof name - 1);
	memcpy(ask_name + 5 + sizeof name - 1, ask + 8, 2);
	return put(fd, ask_name, sizeof ask_name);
}

static int reply(int fd) {
	if (is_http) {
		ssize_t got = read(fd, buffer, 4096);
		if (got <= 0) return got < 0 && errno == EAGAIN;
		return got > 12 && buffer[9] == '2' && memmem(buffer, got, "\r\n\r\n", 4) ? begin(fd) : 0;
	}
	int state = gather(fd, has_login ? 12 : 10);
	return state < 0 ? 0 : state == 0 ? 1 : begin(fd);
}

// The answer to a request: a head and 64 bytes, all in the reader's memory.
static int answered(int fd) {
	static char kept[MOST][1024];
	struct client *client = &clients[fd];
	ssize_t got = read(fd, kept[fd] + client->got, sizeof kept[fd] - client->got);
	if (got <= 0) return got < 0 && errno == EAGAIN;
	client->got += got;
	char *end = memmem(kept[fd], client->got, "\r\n\r\n", 4);
	if (!end || client->got < end + 4 + MESSAGE - kept[fd]) return client->got < (int)sizeof kept[fd];
	if (memcmp(kept[fd] + 9, "200", 3)) return 0;
	done += counting;
	return speak(fd);
}

static int talk(int fd, unsigned events) {
	if (clients[fd].held || mode == 'i') return read(fd, buffer, MESSAGE) < 0 && errno == EAGAIN;
	if (mode == 'h') return answered(fd);
	if (mode == 'd' || mode == 'u') {
		ssize_t moved = mode == 'd' ? read(fd, buffer, sizeof buffer) : write(fd, buffer, sizeof buffer);
		if (moved > 0) bytes += counting ? moved : 0;
		return moved > 0 || (moved < 0 && errno == EAGAIN && !(events & EPOLLERR));
	}
	int state = gather(fd, MESSAGE);
	if (state <= 0) return state == 0;
	done += counting;
	if (mode == 'r') return speak(fd);
	over(fd, 1);
	return 1;
}

static void turn(double until) {
	struct epoll_event events[256];
	while (wanted > 0 && opening < OPENING) {
		wanted--;
		dial(1);
	}
	int ms = (int)((until - seconds()) * 1000) + 1;
	int count = epoll_wait(epoll, events, 256, ms < 0 ? 0 : ms > 50 ? 50 : ms);
	for (int i = 0; i < count; i++) {
		int fd = events[i].data.fd;
		enum step step = clients[fd].step;
		int well = step == CONNECTING ? connected(fd) : step == METHODS ? methods(fd) : step == REPLY ? reply(fd) : talk(fd, events[i].events);
		if (!well) over(fd, 0);
	}
}

// --- what the proxy has used: all of its processes

struct usage { double cpu; long kilobytes; };

static void add_process(int pid, struct usage *usage) {
	char path[64], text[2048];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");
	if (!file) return;
	text[fread(text, 1, sizeof text - 1, file)] = 0;
	fclose(file);
	// Of children that have ended, too, once they were waited for: dante's come and go.
	long user = 0, system = 0, ended_user = 0, ended_system = 0, pages = 0;
	char *fields = strrchr(text, ')');
	if (fields && sscanf(fields + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld %*d %*d %*d %*d %*u %*u %ld",
		&user, &system, &ended_user, &ended_system, &pages) == 5) {
		usage->cpu += (user + system + ended_user + ended_system) / (double)sysconf(_SC_CLK_TCK);
		usage->kilobytes += pages * (sysconf(_SC_PAGESIZE) / 1024);
	}
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	for (struct dirent *task; tasks && (task = readdir(tasks));) {
		if (!isdigit(task->d_name[0])) continue;
		char children[128];
		snprintf(children, sizeof children, "/proc/%d/task/%.20s/children", pid, task->d_name);
		FILE *list = fopen(children, "r");
		for (int child; list && fscanf(list, "%d", &child) == 1;) add_process(child, usage);
		if (list) fclose(list);
	}
	if (tasks) closedir(tasks);
}

static struct usage usage_of(int pid) {
	struct usage usage = {0, 0};
	add_process(pid, &usage);
	return usage;
}

static int run(char **arguments, long hold) {
	is_http = !strcmp(arguments[0], "http");
	has_login = !strcmp(arguments[0], "login");
	asks_name = !strcmp(arguments[0], "name");
	proxy_port = atoi(arguments[1]);
	origin_port = atoi(arguments[2]);
	char what = arguments[3][0];
	long at_once = atol(arguments[4]);
	double lasts = atof(arguments[5]);
	int pid = atoi(arguments[6]);
	request_bytes = snprintf(request, sizeof request,
		"GET http://127.0.0.1:%d/page HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
		"Accept: text/html,*/*;q=0.8\r\nAccept-Language: en\r\nCookie: a=b; c=d\r\n\r\n", origin_port, origin_port);
	struct usage before = usage_of(pid);
	mode = 'i';
	wanted = hold;
	double limit = seconds() + 60;
	while (opened < hold && failures == 0 && seconds() < limit) turn(limit);
	if (opened < hold) fprintf(stderr, "%ld of %ld tunnels opened\n", opened, hold);
	mode = what;
	counting = mode != 'i';
	if (mode == 'i') wanted = at_once;
	else {
		before = usage_of(pid);
		for (long i = 0; i < at_once; i++) dial(0);
	}
	double start = seconds(), until = start + lasts;
	while (seconds() < until) turn(until);
	double took = seconds() - start;
	struct usage after = usage_of(pid);
	printf("{\"done\":%ld,\"bytes\":%ld,\"open\":%ld,\"failures\":%ld,\"seconds\":%.3f,\"cpuSeconds\":%.2f,\"beforeKb\":%ld,\"afterKb\":%ld}\n",
		done, bytes, opened, failures, took, after.cpu - before.cpu, before.kilobytes, after.kilobytes);
	return failures > 0;
}

int main(int count, char **arguments) {
	struct rlimit files;
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	epoll = epoll_create1(0);
	if (count == 2 && !strcmp(arguments[1], "origin")) return origin();
	if (count >= 9 && !strcmp(arguments[1], "run")) return run(arguments + 2, count > 9 ? atol(arguments[9]) : 0);
	fprintf(stderr, "load origin | load run KIND PROXY ORIGIN MODE AT_ONCE SECONDS PID [HOLD]\n");
	return 64;
}
