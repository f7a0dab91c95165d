#include "dataplane/port/xdp/xdp.h"

#include <bpf/libbpf.h>

int xdp_program_id(unsigned ifindex, uint32_t *id)
{
    return bpf_xdp_query_id((int)ifindex, 0, id);
}
