/* A file that is replaced as a whole: what is written goes to a file of another
** name in the same folder, which takes the place of the old one when all of it
** is on the disk. Whatever goes wrong, the old one is whole. */
#ifndef FILES_FILE_OUT_H
#define FILES_FILE_OUT_H

#include "base/memory.h"

typedef struct FileOut FileOut;

/* NULL with the error, which begins with the path, as all of these do. */
FileOut *file_out_open(Account *a, const char *path, bool overwrite, Error *e);
bool file_out_write(FileOut *f, const void *data, size_t bytes, Error *e);
/* Puts the file in its place if all went well (`ok`), else throws it away; ends
** f in any case. */
bool file_out_close(FileOut *f, bool ok, Error *e);

#endif
