#ifndef GRADUS_ONEDNN_H
#define GRADUS_ONEDNN_H
#include <stddef.h>
#include <stdint.h>
#endif
