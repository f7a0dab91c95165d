// Vector registers, emptied: AES leaves round keys in them, and memcpy octets of what it copied,
// until something else happens to use the same ones. Foreign functions that are called meanwhile
// may save them on the stack (the loader does, where a library's function is called for the first
// time). So whoever has worked with keys and goes on to other things calls this. Any thread.
#pragma once

// Empties all vector registers that the system keeps for a thread.
void registers_wipe(void);
