// Puts a VLAN tag beside each frame that leaves an interface, as a VLAN interface of the kernel
// does.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int push_tag(struct __sk_buff *skb)
{
    enum { VLAN = 10 };
    return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), VLAN) == 0 ? TC_ACT_OK : TC_ACT_SHOT;
}

const char licence[] SEC("license") = "Dual BSD/GPL";
