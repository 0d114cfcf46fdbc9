#include "threads.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>

#include "common.hpp"

#if defined(__linux__)
#include <sched.h>
#endif
#include <pthread.h>

namespace aivm {
namespace {

// How long a worker looks out for the next job before it sleeps: within a run longer than most operators that one thread
// does alone, behind it longer than what a caller does between two runs. To be woken takes a worker longer than many runs.
constexpr std::chrono::microseconds lookout_within{10000}, lookout_behind{1000};
constexpr int spins_between_looks_at_the_clock = 64;
// A waiting thread lets others run now and then: on a busy machine the one it waits for may need this processor.
constexpr int spins_before_yield = 2000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

constexpr std::uint64_t low_half = 0xffffffffULL;

}  // namespace

Scratch::~Scratch() { std::free(memory_); }

void* Scratch::get(std::size_t bytes) {
  if (bytes > bytes_) {
    const std::size_t rounded = (bytes + 4095) / 4096 * 4096;
    std::free(memory_);
    bytes_ = 0;
    memory_ = std::aligned_alloc(64, rounded);
    if (memory_ == nullptr) throw std::bad_alloc();
    bytes_ = rounded;
  }
  return memory_;
}

Pool::Pool(int threads) : requested_(threads) {
  const int count = std::max(threads, 1);
  for (int i = 0; i < count; ++i) scratch_.push_back(std::make_unique<Scratch>());
  for (int i = 1; i < count; ++i) {
    try {
      workers_.emplace_back([this, i] { work(i); });
    } catch (const std::exception&) {
      break;  // a sandbox may forbid more threads, or the memory for them; fewer give the same results
    }
  }
}

Pool::~Pool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_.store(true);
    awake_.store(true);
  }
  condition_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::wake() {
  if (sleeping_.load() == 0) return;
  { const std::lock_guard<std::mutex> lock(mutex_); }  // nobody is between deciding to sleep and sleeping
  condition_.notify_all();
}

void Pool::enter() {
  if (workers_.empty()) return;
  awake_.store(true);
  wake();
}

void Pool::leave() { awake_.store(false); }

void Pool::execute(Job& job, std::int64_t task, int worker) {
  try {
    if (!job.failed.load(std::memory_order_relaxed)) job.call(job.function, task, worker);
  } catch (...) {
    if (!job.failed.exchange(true)) job.error = std::current_exception();
  }
}

bool Pool::help(int worker) {
  std::uint64_t state = state_.load(std::memory_order_acquire);
  if ((state & low_half) == 0) return false;
  if (!state_.compare_exchange_weak(state, state - 1, std::memory_order_acq_rel)) return true;
  Job& job = *job_.load(std::memory_order_relaxed);
  execute(job, job.tasks - static_cast<std::int64_t>(state & low_half), worker);
  job.done.fetch_add(1, std::memory_order_release);  // the caller may now return: `job` is gone
  return true;
}

void Pool::look_out(int worker) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point since = Clock::now();
  for (int spins = 0; !ending_.load(std::memory_order_relaxed); ++spins) {
    if (help(worker)) {
      while (help(worker)) {
      }
      since = Clock::now();
      spins = 0;
      continue;
    }
    relax();
    if (spins % spins_before_yield == spins_before_yield - 1) std::this_thread::yield();
    if (spins % spins_between_looks_at_the_clock != 0) continue;
    const auto limit = awake_.load(std::memory_order_relaxed) ? lookout_within : lookout_behind;
    if (Clock::now() - since > limit) return;
  }
}

void Pool::work(int worker) {
  const FloatRules rules;
  while (!ending_.load(std::memory_order_relaxed)) {
    look_out(worker);
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_.fetch_add(1);
    const std::uint64_t seen = state_.load();
    // Sleeps until there is something to claim, a run begins, or the end.
    const bool was_awake = awake_.load();
    condition_.wait(lock, [&] {
      return ending_.load() || (state_.load() & low_half) != 0 || (awake_.load() && !was_awake) || state_.load() != seen;
    });
    sleeping_.fetch_sub(1);
  }
}

void Pool::run(std::int64_t tasks, Call call, const void* function) {
  if (tasks <= 0) return;
  if (tasks > static_cast<std::int64_t>(low_half)) throw Error("a step has too many tasks");
  Job job;
  job.call = call;
  job.function = function;
  job.tasks = tasks;
  if (workers_.empty() || tasks == 1) {
    for (std::int64_t task = 0; task < tasks; ++task) execute(job, task, 0);
  } else {
    const std::uint64_t number = (state_.load(std::memory_order_relaxed) >> 32) + 1;
    job_.store(&job, std::memory_order_relaxed);
    state_.store((number << 32) | static_cast<std::uint64_t>(tasks));
    wake();
    while (help(0)) {
    }
    int spins = 0;
    while (job.done.load(std::memory_order_acquire) != tasks) {
      relax();
      if (++spins % spins_before_yield == 0) std::this_thread::yield();
    }
  }
  if (job.error) std::rethrow_exception(job.error);
}

namespace {

constexpr std::size_t most_idle = 8;

struct Idle {
  Idle() { pools.reserve(most_idle); }  // a pool is given back in a destructor, which must not throw
  std::mutex mutex;
  std::vector<std::unique_ptr<Pool>> pools;
};

// Never destroyed: threads must not be joined while the process is being torn down. After fork() the threads are gone
// and the mutex may be held by one of them, so the child starts anew.
std::atomic<Idle*> idle_pools{nullptr};

Idle& idle() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { idle_pools.store(nullptr); });
  static_cast<void>(registered);
  Idle* current = idle_pools.load();
  if (current != nullptr) return *current;
  auto fresh = std::make_unique<Idle>();
  if (idle_pools.compare_exchange_strong(current, fresh.get())) return *fresh.release();
  return *current;
}

}  // namespace

PoolLease::PoolLease(int threads) {
  Idle& shared = idle();
  {
    const std::lock_guard<std::mutex> lock(shared.mutex);
    for (auto& pool : shared.pools) {
      if (pool->requested() == threads) {
        pool_ = std::move(pool);
        pool = std::move(shared.pools.back());
        shared.pools.pop_back();
        return;
      }
    }
  }
  pool_ = std::make_unique<Pool>(threads);
}

PoolLease::~PoolLease() {
  Idle& shared = idle();
  const std::lock_guard<std::mutex> lock(shared.mutex);
  if (shared.pools.size() < most_idle) shared.pools.push_back(std::move(pool_));
}

int available_threads() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(CPU_COUNT(&set), 1);
#endif
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

}  // namespace aivm
