/* Files of the system, read as a whole. */
#ifndef FILE_H
#define FILE_H

#include "pixels.h"

/* Takes memory for the bytes of the file at the path; file_free gives it back.
** Any thread may call it. */
bool file_read(const char *path, Bytes *bytes, Fault *why);
void file_free(Bytes *bytes);

#endif
