// Threads that change nothing but time: tasks are claimed one by one, and no result depends on who ran which.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace aivm {

// Memory that one thread uses within one task; grows and is kept, so that a steady state allocates nothing.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  // 64-byte aligned, with unspecified contents; the next call may invalidate it.
  void* get(std::size_t bytes);

 private:
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

// A fixed group of threads, the calling one included. One caller at a time; not nestable.
//
// A caller that has work publishes it, takes part in it, and waits for nothing but tasks that others have begun: a worker
// that the system does not let run in the meantime is not missed. Who waits looks out for a short while, and then sleeps.
class Pool {
 public:
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // How many threads there are; fewer than asked for if the system refused some.
  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  int requested() const { return requested_; }
  Scratch& scratch(int worker) { return *scratch_[static_cast<std::size_t>(worker)]; }

  Scratch& shared(int which) { return shared_[static_cast<std::size_t>(which)]; }  // 0 to 3: not of a thread, of the step

  // Calls function(task, worker) for every task in [0, tasks), and returns when all are done. `worker` numbers the
  // thread, for scratch memory alone. The first exception is rethrown here, after all tasks have ended.
  template <typename Function>
  void parallel(std::int64_t tasks, const Function& function) {
    run(tasks, [](const void* f, std::int64_t task, int worker) { (*static_cast<const Function*>(f))(task, worker); },
        &function);
  }

 private:
  using Call = void (*)(const void*, std::int64_t, int);
  // Lies on the caller's stack until the last of its tasks is counted as done.
  struct alignas(64) Job {
    Call call;
    const void* function;
    std::int64_t tasks;
    std::exception_ptr error;
    alignas(64) std::atomic<std::int64_t> done{0};
    std::atomic<bool> failed{false};
  };

  void run(std::int64_t tasks, Call call, const void* function);
  static void execute(Job& job, std::int64_t task, int worker);
  std::int64_t help(int worker);
  void publish(Job& job);
  void wait(const Job& job);
  void work(int worker);
  void sleep(std::uint32_t seen);

  int requested_;
  std::vector<std::thread> workers_;
  std::vector<std::unique_ptr<Scratch>> scratch_;
  std::array<Scratch, 4> shared_;
  // Number of the job (high half) and how many of its tasks nobody has claimed (low half), in one word: a claim succeeds
  // only on the job that the claimer saw, and while a claimed task is not counted as done the job stays where it is.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  std::atomic<Job*> job_{nullptr};
  alignas(64) std::atomic<int> sleeping_{0};
  std::atomic<int> caller_{-1};  // the processor that the caller woke workers from
  std::atomic<bool> waiting_{false};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::condition_variable work_, end_;  // there is a new job; a job's last task is done
};

// A pool for the caller alone until the lease ends; pools are kept and reused. Safe after fork().
class PoolLease {
 public:
  explicit PoolLease(int threads);
  ~PoolLease();
  PoolLease(const PoolLease&) = delete;
  PoolLease& operator=(const PoolLease&) = delete;
  Pool& operator*() { return *pool_; }
  Pool* operator->() { return pool_.get(); }

 private:
  std::unique_ptr<Pool> pool_;
};

}  // namespace aivm
