/* Files of tensors as userdata (file.c). */
#ifndef BIND_FILE_H
#define BIND_FILE_H

#include "bind/box.h"
#include "files/safetensors.h"

/* The file that is open; raises when there is none at the index. */
TensorFile *file_check(lua_State *L, int index);

#endif
