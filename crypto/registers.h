// Wiping vector registers: AES leaves round keys in them, and memcpy leaves copied octets, until
// other code uses the same registers. Foreign functions may save them on the stack (the loader does
// so when a library function is called for the first time). So code that has worked with keys calls
// this before it goes on. Any thread.
#pragma once

// Clears all vector registers that the system saves for a thread.
void registers_wipe(void);
