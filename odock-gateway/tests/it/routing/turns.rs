//! Keys that rotate their models take turns over all nodes.

use entity::ApiKeyId;
use entity::vocab::ModelType;
use futures_util::future::join_all;
use odock_gateway::gateway::Gateway;

use crate::support::Stack;

#[tokio::test]
async fn nodes_take_turns() {
    let stack = Stack::new().await;
    let mut nodes = vec![Gateway::start(stack.config("a")).await.unwrap()];
    for other in ["b", "c"].into_iter().filter(|_| stack.is_shared()) {
        stack.share_sealing_key(other);
        nodes.push(Gateway::start(stack.config(other)).await.unwrap());
    }
    let key = ApiKeyId::new();
    let mut turns = Vec::new();
    for call in 0..6 {
        turns.push(nodes[call % nodes.len()].turns.next(key, ModelType::Chat).await);
    }
    assert_eq!(turns, [0, 1, 2, 3, 4, 5]);
    let at_once = (0..24).map(|call| nodes[call % nodes.len()].turns.next(key, ModelType::Chat));
    let mut turns = join_all(at_once).await;
    turns.sort_unstable();
    assert_eq!(turns, (6..30).collect::<Vec<u64>>(), "no turn is taken twice");
    assert_eq!(nodes[0].turns.next(key, ModelType::Image).await, 0, "each type of model has turns of its own");
}
