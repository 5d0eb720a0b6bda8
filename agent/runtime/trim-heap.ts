// Memory that was freed and that glibc keeps: weights of less than its threshold for mappings lie among others, and pages
// between them go back only when it is told to look for them (malloc_trim(3)).
import koffi from 'koffi';

/** Does nothing with a C library that has no such function. */
export const trimHeap: () => void = found();

function found(): () => void {
  try {
    const trim = koffi.load('libc.so.6').func('malloc_trim', 'int', ['size_t']);
    return () => void trim(0);
  } catch {
    return () => {};
  }
}
