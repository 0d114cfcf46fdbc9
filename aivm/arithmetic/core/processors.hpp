// The processors that threads run on, as far as the system tells.
#pragma once

namespace aivm {

// Threads of this process that can run at the same time.
int available_threads();

// A number for the processor that the calling thread runs on, or -1.
int current_processor();

// Moves the calling thread to another processor if it runs on this one and may run elsewhere, and leaves the choice to the
// system from then on.
void leave_processor(int processor);

}  // namespace aivm
