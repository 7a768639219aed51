/* parts.h — what the files of src/node offer each other: see state.h. Layer 4, private. */
#ifndef AL_NODE_PARTS_H
#define AL_NODE_PARTS_H

#include "node/ends.h"
#include "node/hooks.h"
#include "node/state.h"

/* ---- node.c ---- */
/* al_node_wall_s — Unix time now, by the clock that was given at start.
 * Result: seconds.   Cost: O(1).   Source: docs/ARCHITECTURE.md.   Tested: unit/node_node,
 * sim/network. */
uint64_t al_node_wall_s(const al_node *n);

/* al_node_finish — what every change ends in: settle lost circuits, tell events, wake senders,
 * pump links.   Result: none.   Cost: what was touched.   Source: docs/ARCHITECTURE.md.
 * Tested: unit/node_node, sim/network. */
void al_node_finish(al_node *n, al_work *w);

/* al_node_tell — emit an event; it always fits, room is kept for it.
 * Result: none.   Cost: O(1).   Source: docs/ARCHITECTURE.md.   Tested: unit/node_node,
 * sim/network. */
void al_node_tell(al_node *n, al_work *w, const al_event *ev);

/* ---- neighbour.c ---- */
/* al_node_neighbour_of — what the node keeps of a link.
 * Result: NULL for a dead handle.   Cost: O(1).   Source: PROTOCOL.md 4.2, 7.   Tested:
 * sim/network, sim/hostile. */
node_neighbour *al_node_neighbour_of(al_node *n, al_link link);

/* al_node_dial_peer — dial a node of the book, at one of its addresses at random; once at a
 * time.
 * Result: AL_OK, AL_ENOTFOUND (not known, no address), AL_EFULL, AL_ENOMEM.   Cost: may
 * allocate.   Source: PROTOCOL.md 4.2, 7.   Tested: sim/network, sim/hostile. */
al_err al_node_dial_peer(al_node *n, al_work *w, const al_id *peer);

/* al_node_link_lost — a link is gone: its circuits end, whoever waits for it tries another way.
 * Result: none.   Cost: O(circuits of the link).   Source: PROTOCOL.md 4.2, 7.   Tested:
 * sim/network, sim/hostile. */
void al_node_link_lost(al_node *n, al_work *w, al_link link, al_err why, bool close_transport);

/* al_node_link_authenticated — a neighbour has proved who it is.
 * Result: none.   Cost: O(pending, own circuits).   Source: PROTOCOL.md 4.2, 7.   Tested:
 * sim/network, sim/hostile. */
void al_node_link_authenticated(al_node *n, al_work *w, al_link link, const al_id *peer);

/* al_node_descriptor_came — judge a descriptor, and tell gossip what came of it.
 * Result: none.   Cost: a hybrid signature check when it is newer.   Source: PROTOCOL.md 4.2,
 * 7.   Tested: sim/network, sim/hostile. */
void al_node_descriptor_came(al_node *n, al_work *w, al_link from, al_bytes record, bool asked);

/* al_node_message — a whole message of gossip.
 * Result: none.   Cost: see al_gossip_rx.   Source: PROTOCOL.md 4.2, 7.   Tested: sim/network,
 * sim/hostile. */
void al_node_message(al_node *n, al_work *w, al_link link, const al_link_message *m);

/* al_node_gossip_send — hand what gossip has to say to the links that take it.
 * Result: none.   Cost: O(neighbours ready).   Source: PROTOCOL.md 4.2, 7.   Tested:
 * sim/network, sim/hostile. */
void al_node_gossip_send(al_node *n, al_work *w);

/* al_node_neighbours_house — seek neighbours, close redundant links, tell how many nodes are
 * known.
 * Result: none.   Cost: O(links, book).   Source: PROTOCOL.md 4.2, 7.   Tested: sim/network,
 * sim/hostile. */
void al_node_neighbours_house(al_node *n, al_work *w);

/* ---- setup.c ---- */
/* al_node_setup — a set-up packet: open it, check for replay, install the circuit, answer or
 * pass it on.
 * Result: true when the message slot is kept for later.   Cost: one KEM decapsulation, X25519.
 * Source: PROTOCOL.md 5, 6.   Tested: sim/network, sim/hostile. */
bool al_node_setup(al_node *n, al_work *w, al_link link, const al_link_message *m, uint32_t slot);

/* al_node_cell — a cell of a circuit; owns the buffer.
 * Result: none.   Cost: see al_circuit_peel.   Source: PROTOCOL.md 5, 6.   Tested: sim/network,
 * sim/hostile. */
void al_node_cell(al_node *n, al_work *w, al_link link, al_buf buf);

/* al_node_circuit_gone — do what the end of a circuit asks: DESTROY both ways, buffers back,
 * bundle closed.
 * Result: none.   Cost: O(held cells).   Source: PROTOCOL.md 5, 6.   Tested: sim/network,
 * sim/hostile. */
void al_node_circuit_gone(al_node *n, al_work *w, al_circuit_gone *gone);

/* al_node_destroy — end a circuit for a reason of our own.
 * Result: none; dead handles are ignored.   Cost: O(held cells).   Source: PROTOCOL.md 5, 6.
 * Tested: sim/network, sim/hostile. */
void al_node_destroy(al_node *n, al_work *w, al_circ circ, al_reason reason);

/* al_node_pending_link — set-up packets that waited for a link to this node go on.
 * Result: none.   Cost: O(pending).   Source: PROTOCOL.md 5, 6.   Tested: sim/network,
 * sim/hostile. */
void al_node_pending_link(al_node *n, al_work *w, al_link link, const al_id *peer);

/* al_node_pending_failed — ... or are refused, because it cannot be reached.
 * Result: none.   Cost: O(pending).   Source: PROTOCOL.md 5, 6.   Tested: sim/network,
 * sim/hostile. */
void al_node_pending_failed(al_node *n, al_work *w, const al_id *peer);

/* al_node_pending_house — ... or waited too long.
 * Result: none.   Cost: O(pending).   Source: PROTOCOL.md 5, 6.   Tested: sim/network,
 * sim/hostile. */
void al_node_pending_house(al_node *n, al_work *w);

/* ---- origin.c ---- */
/* al_node_origin_for — an own circuit for a stream: one that fits, or a new one.
 * Result: index + 1; 0 with a reason.   Cost: path choice and a set-up packet when new.
 * Source: PROTOCOL.md 6.   Tested: sim/network, sim/restart. */
uint32_t al_node_origin_for(al_node *n, al_work *w, const al_target *t, uint64_t isolation,
                            al_reason *ret_why);

/* al_node_origin_link — the first hop that own circuits wait for is linked: send their set-up
 * packets.
 * Result: none.   Cost: O(own circuits).   Source: PROTOCOL.md 6.   Tested: sim/network,
 * sim/restart. */
void al_node_origin_link(al_node *n, al_work *w, const al_id *peer);

/* al_node_origin_link_failed — ... or could not be reached: mark them lost.
 * Result: none.   Cost: O(own circuits).   Source: PROTOCOL.md 6.   Tested: sim/network,
 * sim/restart. */
void al_node_origin_link_failed(al_node *n, const al_id *peer);

/* al_node_origin_opened — an own circuit is ready: its bundle may send.
 * Result: none.   Cost: allocates the path.   Source: PROTOCOL.md 6.   Tested: sim/network,
 * sim/restart. */
void al_node_origin_opened(al_node *n, al_work *w, al_circ circ, uint64_t build_us);

/* al_node_origin_lost — mark an own circuit lost; al_node_origins_settle acts.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 6.   Tested: sim/network, sim/restart. */
void al_node_origin_lost(al_node *n, uint32_t end, al_circ circ, al_reason reason);

/* al_node_origins_settle — build lost circuits again, on another path, or give them up.
 * Result: none.   Cost: O(own circuits) when one is lost.   Source: PROTOCOL.md 6.   Tested:
 * sim/network, sim/restart. */
void al_node_origins_settle(al_node *n, al_work *w);

/* al_node_origins_house — retire idle circuits, keep spares ready.
 * Result: none.   Cost: O(own circuits).   Source: PROTOCOL.md 6.   Tested: sim/network,
 * sim/restart. */
void al_node_origins_house(al_node *n, al_work *w);

/* ---- flow.c ---- */
/* al_node_flow_events — events of the stream module become events of the node.
 * Result: see flow.c.   Cost: O(events).   Source: PROTOCOL.md 8.   Tested: sim/network. */
bool al_node_flow_events(al_node *n, al_work *w);

/* al_node_target_of — the target of a stream as the host knows it.
 *   Result: a copy.   Cost: one copy.   Source: PROTOCOL.md 8.1.   Tested: sim/heal. */
al_target al_node_target_of(const al_stream_target *t);

/* al_node_flow_wants — bundles that want to send get their circuit's turn.
 * Result: none.   Cost: O(bundles that changed).   Source: PROTOCOL.md 8.   Tested:
 * sim/network. */
void al_node_flow_wants(al_node *n);

/* al_node_flow_rx — a relay payload for this node; owns the buffer, kept until the drain.
 * Result: none.   Cost: see al_bundle_rx.   Source: PROTOCOL.md 8.   Tested: sim/network. */
void al_node_flow_rx(al_node *n, al_work *w, al_circ circ, al_buf buf, uint8_t *payload);

/* al_node_flow_fill — let a bundle write the next relay payload of its circuit.
 * Result: true when written.   Cost: see al_bundle_fill.   Source: PROTOCOL.md 8.   Tested:
 * sim/network. */
bool al_node_flow_fill(al_node *n, al_circ circ, uint8_t *payload);

/* ---- pump.c ---- */
/* al_node_touch — this link has something to send: pump it before the input ends.
 * Result: none.   Cost: O(1).   Source: docs/DATAFLOW.md.   Tested: sim/network. */
void al_node_touch(al_node *n, al_link link);

/* al_node_urgent_buf — a cell that goes ahead of queues; owns the buffer.
 * Result: none.   Cost: O(1).   Source: docs/DATAFLOW.md.   Tested: sim/network. */
void al_node_urgent_buf(al_node *n, al_work *w, al_link link, al_buf buf);

/* al_node_urgent_destroy — a DESTROY that goes ahead of queues.
 * Result: none.   Cost: O(1).   Source: docs/DATAFLOW.md.   Tested: sim/network. */
void al_node_urgent_destroy(al_node *n, al_link link, uint32_t id, al_reason reason);

/* al_node_urgent_clear — forget a link's urgent cells; `index` is its handle's.
 * Result: none.   Cost: O(urgent cells).   Source: docs/DATAFLOW.md.   Tested: sim/network. */
void al_node_urgent_clear(al_node *n, al_work *w, uint32_t index);

/* al_node_pump_all — send on every touched link as far as credit and room go.
 * Result: none.   Cost: O(frames sent).   Source: docs/DATAFLOW.md.   Tested: sim/network. */
void al_node_pump_all(al_node *n, al_work *w);

/* ---- keys.c ---- */
/* al_node_keys_init — have onion keys for this epoch and the next.
 * Result: AL_OK, AL_EFULL.   Cost: KEM key generation.   Source: PROTOCOL.md 3.4, 5.6.
 * Tested: sim/restart. */
al_err al_node_keys_init(al_node *n);

/* al_node_keys_begin — store what must be durable before anybody uses it.
 * Result: none.   Cost: O(stale records).   Source: PROTOCOL.md 3.4, 5.6.   Tested:
 * sim/restart. */
void al_node_keys_begin(al_node *n, al_work *w);

/* al_node_keys_clear — wipe all onion keys.
 * Result: none.   Cost: O(tags).   Source: PROTOCOL.md 3.4, 5.6.   Tested: sim/restart. */
void al_node_keys_clear(al_node *n);

/* al_node_keys_house — a new epoch: make, erase, publish.
 * Result: none.   Cost: key generation and a signature when due.   Source: PROTOCOL.md 3.4,
 * 5.6.   Tested: sim/restart. */
void al_node_keys_house(al_node *n, al_work *w);

/* al_node_publish — sign a new descriptor and announce it.
 * Result: AL_OK, AL_EINVAL.   Cost: one hybrid signature, once the puzzle.   Source:
 * PROTOCOL.md 3.4, 5.6.   Tested: sim/restart. */
al_err al_node_publish(al_node *n);

/* al_node_onion_now — the key of this epoch.
 * Result: never NULL after start.   Cost: O(1).   Source: PROTOCOL.md 3.4, 5.6.   Tested:
 * sim/restart. */
const node_onion *al_node_onion_now(const al_node *n);

/* al_node_onion_open — open a set-up packet with the keys that may be meant, once.
 * Result: AL_OK; AL_ECRYPTO, AL_EPARSE, AL_EFULL with a reason, counted.   Cost: one KEM
 * decapsulation for each key tried.   Source: PROTOCOL.md 3.4, 5.6.   Tested: sim/restart. */
al_err al_node_onion_open(al_node *n, al_work *w, const uint8_t *packet, al_sphinx_keys *ret,
                          al_reason *ret_why);

/* al_node_onion_erase — wipe a key and forget its tags.
 * Result: none.   Cost: O(tags).   Source: PROTOCOL.md 3.4, 5.6.   Tested: sim/restart. */
void al_node_onion_erase(node_onion *o);

/* al_node_onion_restore — take a stored key again, if the last run ended cleanly.
 * Result: true when taken.   Cost: KEM key generation.   Source: PROTOCOL.md 3.4, 5.6.
 * Tested: sim/restart. */
bool al_node_onion_restore(al_node *n, uint64_t epoch, al_bytes seed);

/* ---- persist.c ---- */
/* al_node_snapshot_check — is a snapshot well-formed?.
 * Result: AL_OK, AL_EPARSE.   Cost: one pass.   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
al_err al_node_snapshot_check(al_bytes snapshot);

/* al_node_snapshot_load — take from a snapshot what is good.
 * Result: none.   Cost: three passes, a signature check for each peer.   Source: PROTOCOL.md
 * 3.5.   Tested: sim/restart. */
void al_node_snapshot_load(al_node *n, al_bytes snapshot);

/* al_node_stored_init — the set of stored descriptors.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates.   Source: PROTOCOL.md 3.5.   Tested:
 * sim/restart. */
al_err al_node_stored_init(al_node *n);

/* al_node_stored_clear — give it back.
 * Result: none.   Cost: frees.   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_stored_clear(al_node *n);

/* al_node_stored_sweep — delete some stored descriptors that the book has forgotten.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_stored_sweep(al_node *n, al_work *w);

/* al_node_store_peer — store a descriptor.
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_store_peer(al_node *n, al_work *w, al_peer peer);

/* al_node_store_guards — store guards that changed.
 * Result: none.   Cost: O(guards).   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_store_guards(al_node *n, al_work *w);

/* al_node_store_onion — store an onion key's seed.
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_store_onion(al_node *n, al_work *w, const node_onion *o);

/* al_node_forget_stale — delete records of epochs whose keys are not used again.
 * Result: none.   Cost: O(records).   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_forget_stale(al_node *n, al_work *w);

/* al_node_stale_tags — how many tag records an epoch has left behind.
 * Result: count.   Cost: O(stale).   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
uint32_t al_node_stale_tags(const al_node *n, uint64_t epoch);

/* al_node_forget_onion — delete the records of a key that is erased.
 * Result: none.   Cost: O(records).   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_forget_onion(al_node *n, al_work *w, const node_onion *o);

/* al_node_store_tag — store the record that the newest tag belongs to.
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_store_tag(al_node *n, al_work *w, const node_onion *o);

/* al_node_store_u64 — store a number.
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_store_u64(al_node *n, al_work *w, const char *key, uint64_t value);

/* al_node_store_forget — delete a record.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 3.5.   Tested: sim/restart. */
void al_node_store_forget(al_node *n, al_work *w, const char *key);

#endif
