import Synchronization

/// What one part of a gateway keeps for each event loop.
///
/// On the loop, finding it touches nothing that other loops write. It goes with the part that it belongs to, at the
/// latest when another part is used on the same loop for the first time.
final class LoopLocal<Value: AnyObject>: Sendable {
    private let id = LoopLocalID.next()

    /// The value of this loop, made on first use. On the loop only.
    func value(on worker: Worker, make: () -> Value) -> Value {
        let values = worker.state(LoopValues<Value>.self) { LoopValues() }
        for index in values.ids.indices where values.ids[index] == id { return values.values[index] }
        let value = make()
        values.sweep()
        values.ids.append(id)
        values.values.append(value)
        values.owners.append(LoopValues.Owner(value: self))
        return value
    }
}

/// The values of one type on one loop, which are few.
private final class LoopValues<Value: AnyObject> {
    struct Owner {
        weak var value: LoopLocal<Value>?
    }

    var ids: [Int] = []
    var values: [Value] = []
    var owners: [Owner] = []

    /// Drops what belonged to parts that are gone.
    func sweep() {
        for index in owners.indices.reversed() where owners[index].value == nil {
            ids.remove(at: index)
            values.remove(at: index)
            owners.remove(at: index)
        }
    }
}

/// Numbers and not addresses, which would come up again. Beside the class, since a generic type holds no static value.
private enum LoopLocalID {
    private static let last = Atomic<Int>(0)

    static func next() -> Int { last.add(1, ordering: .relaxed).newValue }
}
