/* Archives in the format of zip, read without trust: stored and deflated
** entries, and the larger numbers of zip64. No function allocates. */
#ifndef ZIP_H
#define ZIP_H

#include "bytes.h"

typedef struct Zip {
  Bytes bytes;
  Cursor list;           /* the entries that have not been told yet */
  uint64_t left;
} Zip;

typedef struct ZipEntry {
  Bytes name;
  int method;            /* 0 stored, 8 deflated */
  bool is_encrypted;
  uint32_t crc;
  uint64_t packed, size, at;
} ZipEntry;

bool zip_open(Zip *z, Bytes bytes, Fault *why);

/* The next entry; false at the end, and when the list is damaged: then `why`
** says so. */
bool zip_next(Zip *z, ZipEntry *e, Fault *why);

/* Where the data of the entry lie; checks what it claims. */
bool zip_data(Bytes bytes, const ZipEntry *e, Bytes *packed, Fault *why);

/* The data into e->size bytes; `out` may be NULL for a stored entry, whose
** bytes are only checked then. */
bool zip_unpack(const ZipEntry *e, Bytes packed, unsigned char *out,
                Fault *why);

uint32_t zip_crc(uint32_t crc, Bytes bytes);

#endif
