/* lunula for C programs. */
#ifndef LUNULA_H
#define LUNULA_H

#define LUNULA_VERSION "0.1.0"

#endif
