/// Patterns as a tree of their segments, asked with the bytes of a path.
///
/// A path is walked once, from its front, the most specific way first: the literal, then the parameter, then `**`.
/// Where a way ends, or nobody there wants the request, the next one is tried. So the cost follows from the segments of
/// the path and not from the number of patterns; what can be added to it is one more way for each segment at which a
/// literal and a parameter both go on.
struct RouteTrie: Sendable {
    private struct Node {
        var hasLiterals = false
        var parameter: Int32 = -1
        /// The leaf of patterns that end here.
        var end: Int32 = -1
        /// The leaf of patterns that go on with `**`.
        var rest: Int32 = -1
    }

    private var nodes: [Node] = []
    private var literals = ByteTable()
    /// The number of leaves; each is a place for routes whose patterns match the same paths.
    private(set) var leafCount = 0

    /// A tree of its own among the others.
    mutating func addRoot() -> Int32 {
        nodes.append(Node())
        return Int32(nodes.count - 1)
    }

    /// The leaf of a pattern; patterns that differ in the names of parameters alone share one.
    mutating func leaf(of segments: [RoutePattern.Segment], from root: Int32) -> Int {
        var node = root
        for segment in segments {
            let at = Int(node)
            switch segment {
            case .literal(let bytes):
                nodes[at].hasLiterals = true
                let next = Int32(nodes.count)
                node = literals.insert(bytes, of: node) { next }
                if node == next { nodes.append(Node()) }
            case .parameter:
                if nodes[at].parameter < 0 { nodes[at].parameter = addRoot() }
                node = nodes[at].parameter
            case .rest:
                if nodes[at].rest < 0 { nodes[at].rest = addLeaf() }
                return Int(nodes[at].rest)
            }
        }
        if nodes[Int(node)].end < 0 { nodes[Int(node)].end = addLeaf() }
        return Int(nodes[Int(node)].end)
    }

    private mutating func addLeaf() -> Int32 {
        leafCount += 1
        return Int32(leafCount - 1)
    }

    /// The best route that takes what is wanted: the leaves that match the path are asked, the most specific first.
    ///
    /// No closure asks them: what it captured would be counted at each step.
    ///
    /// - Parameters:
    ///   - path: what stands behind the first slash.
    ///   - start: where the next segment begins: 0, or behind a slash, and past the end of the path when there is none.
    func search(
        _ path: Span<UInt8>, at start: Int, from first: Int32, _ wanted: borrowing WantedRoute, in table: RouteTable
    ) -> RouteEntry? {
        var position = start
        var number = first
        while true {
            let node = nodes[Int(number)]
            if position > path.count {
                if node.end >= 0, let found = table.route(in: Int(node.end), wanted) { return found }
                return node.rest < 0 ? nil : table.route(in: Int(node.rest), wanted)
            }
            var end = position
            if node.hasLiterals || node.parameter >= 0 {
                while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
            }
            var next: Int32 = -1
            if node.hasLiterals {
                next = literals.find(path.extracting(position..<end), of: number) ?? -1
            }
            var parameter = end > position ? node.parameter : -1
            if next < 0 { swap(&next, &parameter) }
            // The only way on takes no call, so that depth is that of the choices.
            if next >= 0, parameter < 0, node.rest < 0 {
                number = next
                position = end + 1
                continue
            }
            if next >= 0, let found = search(path, at: end + 1, from: next, wanted, in: table) { return found }
            if parameter >= 0, let found = search(path, at: end + 1, from: parameter, wanted, in: table) {
                return found
            }
            return node.rest < 0 ? nil : table.route(in: Int(node.rest), wanted)
        }
    }
}
