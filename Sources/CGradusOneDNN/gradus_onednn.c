#include "gradus_onednn.h"
#include <dnnl.h>
