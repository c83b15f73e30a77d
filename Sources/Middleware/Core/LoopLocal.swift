import Synchronization

/// What one part of a gateway keeps for each event loop.
///
/// On the loop, finding it touches nothing that other loops write. It goes with the part that it belongs to, at the
/// latest when another part is used on the same loop for the first time.
package final class LoopLocal<Value: AnyObject>: Sendable {
    private let id = LoopLocalID.next()

    package init() {}

    /// The value of this loop, made on first use. On the loop only.
    @inline(__always)
    package func value(on worker: Worker, make: () -> Value) -> Value {
        let values = worker.state(LoopValues<Value>.self) { LoopValues() }
        let index = values.index(of: id)
        if index < values.ids.count, values.ids[index] == id { return values.values[index] }
        return added(make(), to: values)
    }

    private func added(_ value: Value, to values: LoopValues<Value>) -> Value {
        values.sweep()
        values.insert(value, of: self, id)
        return value
    }
}

/// The values of one type on one loop, in the order of their numbers: a gateway may have one for each of its routes.
private final class LoopValues<Value: AnyObject> {
    struct Owner {
        weak var value: LoopLocal<Value>?
    }

    var ids: [Int] = []
    var values: [Value] = []
    var owners: [Owner] = []

    /// Where that number is, or belongs.
    func index(of id: Int) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low &+ high) / 2
            if ids[middle] < id { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    func insert(_ value: Value, of owner: LoopLocal<Value>, _ id: Int) {
        let index = index(of: id)
        ids.insert(id, at: index)
        values.insert(value, at: index)
        owners.insert(Owner(value: owner), at: index)
    }

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
