/* The version, for the floors below the public header. lunula.h repeats it,
** since hosts get that file alone; a spec compares the two. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define VERSION "0.2.0"

#endif
