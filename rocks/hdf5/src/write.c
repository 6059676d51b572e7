/* HDF5 files, written by libhdf5. It says on the terminal what fails, if it is
** let; here its deepest complaint becomes the text of the error. */

#include "write.h"

#include <string.h>

static herr_t deepest(unsigned n, const H5E_error2_t *e, void *text) {
  if (n == 0)
    *(const char **)text = e->desc;
  return 0;
}

/* A complaint about the system is long, and has what the system says inside. */
static bool failed(Fault *why, const char *doing, const char *what) {
  static const char before[] = "error message = '";
  const char *text = "no reason is given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, deepest, &text);
  const char *said = strstr(text, before);
  if (said)
    text = said + strlen(before);
  fault(why, "%s \"%s\": %.*s", doing, what,
        (int)strcspn(text, said ? "'" : "\n"), text);
  H5Eclear2(H5E_DEFAULT);
  return false;
}

/* When the program ends, libhdf5 closes once more what it could not close, as on
** a full disk, and crashes (1.10.8). So it is told to do nothing then, unless
** others have used it before us: what is open here is closed by its owner. */
static void leave_exit_alone(void) {
  H5dont_atexit(); /* after the first time it does nothing */
}

bool writer_open(Writer *w, const char *path, Fault *why) {
  leave_exit_alone();
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  w->links = H5Pcreate(H5P_LINK_CREATE);
  w->groups = H5Pcreate(H5P_GROUP_CREATE);
  w->data = H5Pcreate(H5P_DATASET_CREATE);
  w->file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  w->is_open = true;
  if (w->file < 0 || H5Pset_create_intermediate_group(w->links, 1) < 0 ||
      H5Pset_obj_track_times(w->groups, 0) < 0 ||
      H5Pset_obj_track_times(w->data, 0) < 0)
    return failed(why, "cannot make the file", path);
  return true;
}

bool writer_close(Writer *w, Fault *why) {
  if (!w->is_open)
    return true;
  w->is_open = false;
  H5Pclose(w->links);
  H5Pclose(w->groups);
  H5Pclose(w->data);
  if (w->file >= 0 && H5Fclose(w->file) < 0)
    return failed(why, "cannot finish the file", "");
  return true;
}

bool writer_group(Writer *w, const char *path, Fault *why) {
  hid_t group = H5Gcreate2(w->file, path, w->links, w->groups, H5P_DEFAULT);
  if (group < 0)
    return failed(why, "cannot make the group", path);
  H5Gclose(group);
  return true;
}

/* ---- attributes --------------------------------------------------------- */

static hid_t text_type(void) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && (H5Tset_size(type, H5T_VARIABLE) < 0 ||
                    H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

bool writer_text(Writer *w, const char *path, const char *name,
                 const char *const *texts, int64_t count, Fault *why) {
  hsize_t n = (hsize_t)(count < 0 ? 1 : count);
  hid_t type = text_type();
  hid_t space = count < 0 ? H5Screate(H5S_SCALAR)
                          : H5Screate_simple(1, &n, NULL);
  hid_t object = H5Oopen(w->file, path, H5P_DEFAULT);
  hid_t attribute =
      H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool well = attribute >= 0 &&
              (n == 0 || H5Awrite(attribute, type, texts) >= 0);
  if (!well)
    failed(why, "cannot write the attribute", name);
  H5Aclose(attribute);
  H5Oclose(object);
  H5Sclose(space);
  H5Tclose(type);
  return well;
}

/* ---- datasets ----------------------------------------------------------- */

/* Booleans as h5py writes them. */
static hid_t bool_type(void) {
  signed char no = 0, yes = 1;
  hid_t type = H5Tenum_create(H5T_STD_I8LE);
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

/* HDF5 1.10 has no name for halves. */
static hid_t half_type(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type >= 0 && (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 ||
                    H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 15) < 0)) {
    H5Tclose(type);
    return -1;
  }
  return type;
}

static hid_t type_named(const char *name) {
  struct { const char *name; hid_t type; } plain[] = {
    {"float32", H5T_IEEE_F32LE}, {"float64", H5T_IEEE_F64LE},
    {"int8", H5T_STD_I8LE}, {"uint8", H5T_STD_U8LE}, {"int16", H5T_STD_I16LE},
    {"int32", H5T_STD_I32LE}, {"int64", H5T_STD_I64LE}
  };
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
    if (strcmp(name, plain[i].name) == 0)
      return H5Tcopy(plain[i].type);
  return strcmp(name, "bool") == 0 ? bool_type()
       : strcmp(name, "float16") == 0 ? half_type()
       : strcmp(name, "bfloat16") == 0 ? H5Tcreate(H5T_OPAQUE, 2) : -1;
}

bool writer_dataset(Writer *w, const char *path, const char *type, int rank,
                    const uint64_t *shape, Bytes data, Fault *why) {
  hsize_t dim[H5S_MAX_RANK] = {0};
  uint64_t count = 1;
  for (int i = 0; i < rank; i++) {
    dim[i] = shape[i];
    count = times(count, shape[i]);
  }
  hid_t of = type_named(type);
  if (of < 0 || times(count, H5Tget_size(of)) != data.size) {
    H5Tclose(of);
    return fault(why, "cannot write the dataset \"%s\": %s of %zu bytes", path,
                 type, data.size);
  }
  hid_t space = rank == 0 ? H5Screate(H5S_SCALAR)
                          : H5Screate_simple(rank, dim, NULL);
  hid_t set = H5Dcreate2(w->file, path, of, space, w->links, w->data,
                         H5P_DEFAULT);
  bool well = set >= 0 && (data.size == 0 ||
                           H5Dwrite(set, of, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                    data.data) >= 0);
  if (!well)
    failed(why, "cannot write the dataset", path);
  H5Dclose(set);
  H5Sclose(space);
  H5Tclose(of);
  return well;
}
