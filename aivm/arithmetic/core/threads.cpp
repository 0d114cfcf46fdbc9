#include "threads.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>

#include "common.hpp"
#include "processors.hpp"

#include <pthread.h>

namespace aivm {
namespace {

// How long a worker without work looks out for more: longer than what a caller does between two steps or two runs, for to be
// woken takes longer than many steps. A caller that others keep waiting sleeps sooner: they may need its processor.
constexpr std::chrono::microseconds worker_looks_out{1000}, caller_looks_out{100};
// Who looks out offers the processor to others as often as this: on a busy machine it would be taken, not given, and from
// a thread that has work.
constexpr std::chrono::microseconds yields_every{10};

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

// Looks whether it is `ready`, again and again for so long.
template <typename Ready>
bool look_out(std::chrono::microseconds limit, const Ready& ready) {
  using Clock = std::chrono::steady_clock;
  constexpr int looks = 16;  // for one at the clock
  const Clock::time_point end = Clock::now() + limit;
  Clock::time_point yield = Clock::now() + yields_every;
  for (;;) {
    for (int i = 0; i < looks; ++i) {
      if (ready()) return true;
      relax();
    }
    const Clock::time_point now = Clock::now();
    if (now > end) return false;
    if (now > yield) {
      std::this_thread::yield();
      yield = Clock::now() + yields_every;
    }
  }
}

constexpr std::uint64_t low_half = 0xffffffffULL;

std::uint32_t number_of(std::uint64_t state) { return static_cast<std::uint32_t>(state >> 32); }

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
  }
  work_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::execute(Job& job, std::int64_t task, int worker) {
  try {
    if (!job.failed.load(std::memory_order_relaxed)) job.call(job.function, task, worker);
  } catch (...) {
    if (!job.failed.exchange(true)) job.error = std::current_exception();
  }
}

// Claims and executes tasks until there is none; returns how many are not counted yet, which is 0 for workers.
std::int64_t Pool::help(int worker) {
  Job* job = nullptr;
  std::int64_t executed = 0;
  std::uint64_t state = state_.load(std::memory_order_acquire);
  while ((state & low_half) != 0) {
    if (!state_.compare_exchange_weak(state, state - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    job = job_.load(std::memory_order_relaxed);
    execute(*job, job->tasks - static_cast<std::int64_t>(state & low_half), worker);
    ++executed;
    state = state_.load(std::memory_order_acquire);
  }
  if (worker == 0 || executed == 0) return executed;
  const std::int64_t tasks = job->tasks;
  if (job->done.fetch_add(executed) + executed != tasks) return 0;
  // From here on the caller may have returned, and `job` be gone.
  if (waiting_.load()) {
    { const std::lock_guard<std::mutex> lock(mutex_); }  // the caller is not between deciding to sleep and sleeping
    end_.notify_one();
  }
  return 0;
}

void Pool::sleep(std::uint32_t seen) {
  std::unique_lock<std::mutex> lock(mutex_);
  sleeping_.fetch_add(1);
  work_.wait(lock, [&] { return ending_.load() || number_of(state_.load()) != seen; });
  sleeping_.fetch_sub(1);
  lock.unlock();
  // The system may well start a woken thread on the processor of the one that woke it, which does not sleep, and leave it
  // there for ten milliseconds and more while another is idle.
  leave_processor(caller_.load());
}

void Pool::work(int worker) {
  const FloatRules rules;
  std::uint32_t seen = 0;
  const auto anything_new = [&] {
    return number_of(state_.load(std::memory_order_acquire)) != seen || ending_.load(std::memory_order_relaxed);
  };
  while (!ending_.load()) {
    if (!look_out(worker_looks_out, anything_new)) sleep(seen);
    seen = number_of(state_.load(std::memory_order_acquire));
    help(worker);
  }
}

void Pool::publish(Job& job) {
  const std::uint64_t number = number_of(state_.load(std::memory_order_relaxed)) + std::uint64_t{1};
  job_.store(&job, std::memory_order_relaxed);
  state_.store((number << 32) | static_cast<std::uint64_t>(job.tasks));
  if (sleeping_.load() == 0) return;
  caller_.store(current_processor());
  { const std::lock_guard<std::mutex> lock(mutex_); }  // no worker is between deciding to sleep and sleeping
  work_.notify_all();
}

void Pool::wait(const Job& job) {
  const auto finished = [&] { return job.done.load(std::memory_order_acquire) == job.tasks; };
  if (look_out(caller_looks_out, finished)) return;
  // A worker does not get on: perhaps what it lacks is this processor.
  std::unique_lock<std::mutex> lock(mutex_);
  waiting_.store(true);
  end_.wait(lock, [&] { return job.done.load() == job.tasks; });
  waiting_.store(false);
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
    publish(job);
    const std::int64_t executed = help(0);
    if (job.done.fetch_add(executed) + executed != tasks) wait(job);
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

}  // namespace aivm
