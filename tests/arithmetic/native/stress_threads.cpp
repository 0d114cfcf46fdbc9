// Makes callers and workers meet in every way there is, for SECONDS. Meant to be built with ThreadSanitizer, as `make fuzz`
// does: tasks write memory without a lock, and the caller reads it after.
//   stress_threads SECONDS [SEED]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "threads.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::microseconds;

std::atomic<long> regions{0}, faults{0};

void busy(Microseconds time) {
  const Clock::time_point end = Clock::now() + time;
  while (Clock::now() < end) {
  }
}

// One parallel region; every task has to be executed once, by one thread, and be seen by the caller.
void region(aivm::Pool& pool, std::mt19937& random) {
  const auto pick = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
  const int tasks = pick(4) == 0 ? pick(300) : pick(12);
  const bool fails = pick(30) == 0;
  // Now and then one task takes so long that the caller goes to sleep, or the others find nothing to do.
  const int slow = pick(20) == 0 ? pick(tasks) : -1;
  std::vector<int> executed(static_cast<std::size_t>(tasks), 0);
  std::vector<int> by_worker(static_cast<std::size_t>(pool.threads()) * 16, 0);
  bool failed = false;
  try {
    pool.parallel(tasks, [&](std::int64_t task, int worker) {
      ++executed[static_cast<std::size_t>(task)];
      ++by_worker[static_cast<std::size_t>(worker) * 16];
      if (task == slow) busy(Microseconds(300));
      if (fails && task == tasks / 2) throw std::runtime_error("on purpose");
    });
  } catch (const std::runtime_error&) {
    failed = true;
  }
  long once = 0, sum = 0;
  for (const int times : executed) once += times == 1;
  for (const int count : by_worker) sum += count;
  const bool right = fails && tasks > 0 ? failed : !failed && once == tasks && sum == tasks;
  if (!right) ++faults;
  ++regions;
}

void call(unsigned seed, Clock::time_point end) {
  std::mt19937 random(seed);
  while (Clock::now() < end) {
    static constexpr int sizes[] = {1, 2, 3, 4, 9};
    aivm::PoolLease pool(sizes[random() % 5]);
    for (unsigned i = random() % 100; i > 0; --i) region(*pool, random);
    if (random() % 8 == 0) std::this_thread::sleep_for(Microseconds(random() % 2500));  // until workers sleep, or nearly
    if (random() % 16 == 0) {
      aivm::Pool fresh(3);  // begun and ended with or without work
      if (random() % 2 == 0) region(fresh, random);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const unsigned seed = count > 2 ? static_cast<unsigned>(std::atoll(arguments[2])) : 1;
  const Clock::time_point end = Clock::now() + Microseconds(static_cast<long>(std::atof(arguments[1]) * 1e6));
  std::vector<std::thread> callers;
  for (unsigned i = 0; i < 4; ++i) callers.emplace_back(call, seed + i, end);
  for (std::thread& caller : callers) caller.join();
  std::printf("%ld parallel regions, %ld faults\n", regions.load(), faults.load());
  return faults == 0 ? 0 : 1;
}
