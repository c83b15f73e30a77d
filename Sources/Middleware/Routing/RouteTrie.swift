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

    /// Shows the leaves that match a path to `visit`, the most specific first, until it returns something.
    ///
    /// - Parameter path: begins with a slash.
    func search(_ path: Span<UInt8>, from root: Int32, _ visit: (Int) -> Int?) -> Int? {
        search(path, at: 1, root, visit)
    }

    /// `start` is where the next segment begins: behind its slash, and past the end of the path when there is none.
    private func search(_ path: Span<UInt8>, at start: Int, _ first: Int32, _ visit: (Int) -> Int?) -> Int? {
        var position = start
        var number = first
        while true {
            let node = nodes[Int(number)]
            if position > path.count {
                if node.end >= 0, let found = visit(Int(node.end)) { return found }
                return node.rest < 0 ? nil : visit(Int(node.rest))
            }
            var end = position
            var next: Int32 = -1
            if node.hasLiterals {
                var hash = ByteTable.Hash(owner: number)
                while end < path.count, path[end] != UInt8(ascii: "/") {
                    hash.add(path[end])
                    end += 1
                }
                next = literals.find(hash, number, path.extracting(position..<end)) ?? -1
            } else if node.parameter >= 0 {
                while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
            }
            var parameter = end > position ? node.parameter : -1
            if next < 0 { swap(&next, &parameter) }
            // The only way on takes no call, so that depth is that of the choices.
            if next >= 0, parameter < 0, node.rest < 0 {
                number = next
                position = end + 1
                continue
            }
            if next >= 0, let found = search(path, at: end + 1, next, visit) { return found }
            if parameter >= 0, let found = search(path, at: end + 1, parameter, visit) { return found }
            return node.rest < 0 ? nil : visit(Int(node.rest))
        }
    }
}
