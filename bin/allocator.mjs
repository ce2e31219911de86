/**
 * What the C library of Linux reads from the environment where a process starts. Left alone, it keeps up to 64 MB for each thread that ever
 * compiled or read something, and once a large piece was freed it takes the next ones from there too, where they leave holes. With a fixed threshold what is
 * free at the end goes back to the system, and pieces of 128 KB and more come from it singly and go back whole (mallopt(3), M_TRIM_THRESHOLD). Other
 * systems, and other C libraries, do not know the variable.
 */
export const allocator = process.platform === "linux" ? { MALLOC_TRIM_THRESHOLD_: String(128 * 1024) } : {};

/** Whether this process was started with it, or with what an administrator wants instead. */
export function isAllocatorSet() {
  return Object.keys(allocator).every((name) => process.env[name] !== undefined);
}
