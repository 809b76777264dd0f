// Everything that depends on the instruction set; included once by each vector_LEVEL.c.
#include "simd.h"
// The order matters: the files below use what stands above them.
#include "vector_rows.h"
#include "vector_graph.h"
#include "vector_maxsim.h"

const grd_vector_table TABLE = {scores_of_rows, quick_scores_of_rows, search_graph, select_neighbours, maxsim_documents,
                                maxsim_products};
