/* Tables as text, a row a line, straight into tensors: one for each column, or
** one for all of them. */
#ifndef FILES_CSV_H
#define FILES_CSV_H

#include "files/file_in.h"
#include "tensor/tensor.h"

/* What a column becomes. Who does not know yet begins with CSV_WHOLE: it
** becomes the first that holds all of its fields. */
typedef enum CsvKind {
  CSV_WHOLE, CSV_FLOAT, CSV_DOUBLE, CSV_TEXT, CSV_SKIP
} CsvKind;

typedef struct CsvColumn {
  CsvKind kind;
  bool fixed; /* a field that does not fit is an error */
  Tensor tensor;
  char *at; /* its number, or text, of the row that comes next */
  int64_t bytes; /* of all its texts */
} CsvColumn;

typedef struct Csv {
  Account *account;
  FileIn *file;
  const char *path;      /* for errors */
  const char *at, *end;  /* what is not read yet */
  int64_t line;          /* where that begins, from 1 */
  char separator;
  const Str *missing;    /* fields that stand for nothing; an empty one does */
  int missings;
  double instead;        /* of a missing number */
  CsvColumn *column;
  int columns;
  bool matrix;           /* all columns side by side in `whole` */
  Tensor whole;
  float *next;           /* its number that is read next */
  int64_t rows;
} Csv;

/* A field as it stands in the file, without the quotes around it. */
typedef struct CsvField {
  Str raw;
  bool quoted;
  int64_t doubled; /* quotes that stand for one */
} CsvField;

/* Opens the file at the path. csv_close() also after a failure. */
bool csv_open(Csv *c, const char *path, Error *e);
/* Calls take(ud, field) for each field of the line that is next. */
bool csv_line(Csv *c, void (*take)(void *ud, const CsvField *f), void *ud,
              Error *e);
/* A field as text, quotes undone; `to` has room for raw.size bytes. The number
** of bytes. */
size_t csv_text(char *to, const CsvField *f);
/* Reads all the rows that follow; `column` is a record of memory.h. */
bool csv_read(Csv *c, Error *e);
void csv_close(Csv *c);

#endif
