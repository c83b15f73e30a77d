/// Networks and what is said of each; the longest that holds an address decides.
///
/// A multibit trie in one flat array: each node decides six bits of an address by three masks of 64 bits, one for the
/// ways on and one for each verdict. A network that ends between two steps is spread over the bits that it covers, so
/// that nothing is remembered on the way down. A look-up takes a step for every six bits of the longest network that it
/// passes, at most 6 for IPv4 and 22 for IPv6, however many networks there are; it allocates nothing. The nodes behind
/// one are neighbours, found by counting bits (Degermark, Brodnik, Carlsson, Pink, "Small forwarding tables for fast
/// routing lookups", 1997).
///
/// It does not change: another set of networks is another tree. It takes 32 bytes for each six bits of a network that
/// no other shares: about 3 MB for 100,000 networks of 24 bits.
package struct AddressTree: Sendable {
    /// What is said of a network.
    package enum Verdict: Sendable, Hashable {
        case allowed
        case denied
    }

    private struct Node: Sendable {
        /// Which values of the six bits lead on to a node.
        var branches: UInt64 = 0
        /// Which values end here, with that verdict.
        var allowed: UInt64 = 0
        var denied: UInt64 = 0
        /// The node of the lowest branch; those of the others follow it.
        var first: Int = 0
    }

    /// Bits that are counted from the first; an IPv4 address stands in the first 32.
    private struct Key: Hashable {
        var high: UInt64
        var low: UInt64

        init(_ address: IPAddress) {
            (high, low) = address.isIPv4 ? (address.low << 32, 0) : (address.high, address.low)
        }

        /// The six bits behind the first `depth`, zeros behind the last.
        func slot(at depth: Int) -> Int {
            // Shifts by a negative number go the other way, and by too much yield zero.
            Int(((high << UInt64(depth)) | (low >> (64 - depth)) | (low << (depth - 64))) >> 58)
        }

        static func precedes(_ left: Key, _ right: Key) -> Bool {
            left.high == right.high ? left.low < right.low : left.high < right.high
        }
    }

    private struct Prefix {
        var key: Key
        var length: Int
        var verdict: Verdict
    }

    private var nodes: [Node] = []
    /// Where IPv6 begins; IPv4 does at 0.
    private var rootOfIPv6 = 0

    /// A tree of those networks. Of one that is in both, it is the denial that holds. One that has a problem holds
    /// nothing.
    package init(allow: [Network], deny: [Network]) {
        // Denials last, so that they overwrite what is as long.
        let prefixes = Self.prefixes(allow, .allowed) + Self.prefixes(deny, .denied)
        build(prefixes.filter(\.isIPv4).map(\.prefix))
        rootOfIPv6 = nodes.count
        build(prefixes.filter { !$0.isIPv4 }.map(\.prefix))
    }

    /// The number of nodes, for tests.
    package var count: Int { nodes.count }

    /// What is said of the longest network that holds the address; `nil` when none does.
    package func verdict(on address: IPAddress) -> Verdict? { find(address).verdict }

    /// The nodes that are looked at for an address, for tests.
    package func steps(to address: IPAddress) -> Int { find(address).steps }

    @inline(__always)
    private func find(_ address: IPAddress) -> (verdict: Verdict?, steps: Int) {
        let key = Key(address)
        var (high, low) = (key.high, key.low)
        var index = address.isIPv4 ? 0 : rootOfIPv6
        var steps = 1
        while true {
            let node = nodes[index]
            let bit = UInt64(1) &<< (high &>> 58)
            guard node.branches & bit != 0 else {
                if node.denied & bit != 0 { return (.denied, steps) }
                return (node.allowed & bit != 0 ? .allowed : nil, steps)
            }
            index = node.first &+ (node.branches & (bit &- 1)).nonzeroBitCount
            high = high &<< 6 | low &>> 58
            low = low &<< 6
            steps &+= 1
        }
    }

    // MARK: Building

    private static func prefixes(_ networks: [Network], _ verdict: Verdict) -> [(isIPv4: Bool, prefix: Prefix)] {
        networks.compactMap(\.prefix).map { address, length in
            (address.isIPv4, Prefix(key: Key(address), length: length, verdict: verdict))
        }
    }

    /// Adds the nodes of one family, level by level, so that those behind one node are neighbours.
    private mutating func build(_ unsorted: [Prefix]) {
        // Stable: of equal networks, the one that was named last stays last.
        let sorted = unsorted.enumerated().sorted { left, right in
            if left.element.key != right.element.key { return Key.precedes(left.element.key, right.element.key) }
            if left.element.length != right.element.length { return left.element.length < right.element.length }
            return left.offset < right.offset
        }
        let prefixes = sorted.map(\.element)
        let whole = prefixes.last { $0.length == 0 }?.verdict
        var pending = [Pending(range: prefixes.indices, depth: 0, inherited: whole)]
        nodes.append(Node())
        var index = nodes.count - 1
        var next = 0
        while next < pending.count {
            let task = pending[next]
            next += 1
            let (node, inside) = Self.node(of: prefixes, task)
            nodes[index] = node
            nodes[index].first = nodes.count
            index += 1
            for task in inside {
                nodes.append(Node())
                pending.append(task)
            }
        }
    }

    /// A node that is yet to be filled.
    private struct Pending {
        /// The networks that begin with its bits, among them some that end before it.
        var range: Range<Int>
        var depth: Int
        /// What is said of all that it covers.
        var inherited: Verdict?
    }

    private static func node(of prefixes: [Prefix], _ task: Pending) -> (node: Node, inside: [Pending]) {
        let end = task.depth + 6
        var node = Node()
        node.allowed = task.inherited == .allowed ? .max : 0
        node.denied = task.inherited == .denied ? .max : 0
        let ending = prefixes[task.range].filter { $0.length > task.depth && $0.length <= end }
        // In the order of their lengths, and else as they come.
        for length in task.depth + 1...end {
            for prefix in ending where prefix.length == length {
                let width = UInt64(1) << UInt64(end - length)
                let covered = ((UInt64(1) << width) - 1) << UInt64(prefix.key.slot(at: task.depth))
                node.allowed = prefix.verdict == .allowed ? node.allowed | covered : node.allowed & ~covered
                node.denied = prefix.verdict == .denied ? node.denied | covered : node.denied & ~covered
            }
        }
        var inside: [Pending] = []
        for index in task.range where prefixes[index].length > end {
            let bit = UInt64(1) << UInt64(prefixes[index].key.slot(at: task.depth))
            if node.branches & bit != 0 {
                inside[inside.count - 1].range = inside[inside.count - 1].range.lowerBound..<index + 1
            } else {
                node.branches |= bit
                let inherited: Verdict? = node.denied & bit != 0 ? .denied : node.allowed & bit != 0 ? .allowed : nil
                inside.append(Pending(range: index..<index + 1, depth: end, inherited: inherited))
            }
        }
        node.allowed &= ~node.branches
        node.denied &= ~node.branches
        return (node, inside)
    }
}
