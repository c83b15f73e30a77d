/// What the context of a request says about a route that the request is in.
package protocol MatchedRoute: AnyObject, Sendable {
    /// The pattern, joined with those of the routes around it.
    var patternText: String { get }
    /// The parameters of the pattern, in its order. Of two with one name, the last is the one that is meant.
    var parameters: [RouteParameter] { get }
}

/// A parameter of a route's pattern.
package struct RouteParameter: Sendable, Hashable {
    package let name: String
    /// The number of the segment that it stands for, from 0.
    package let segment: Int

    package init(name: String, segment: Int) {
        self.name = name
        self.segment = segment
    }
}

/// The innermost route that has a request, and the target that it took.
///
/// The target shares the received bytes, and with them their read buffer. So a server has it copied where an exchange may
/// last, and lets go of it when the exchange is over; a fork has one of its own.
///
/// A value without a route rather than none at all: optionals of several references are copied through tables.
package struct RouteMatch: Sendable {
    /// The match of the route around. In a box, since a struct does not hold itself.
    private final class Around: Sendable {
        let match: RouteMatch

        init(_ match: RouteMatch) { self.match = match }
    }

    package private(set) var route: (any MatchedRoute)?
    /// Where the parameters lie; `nil` without a route.
    package private(set) var target: RequestTarget?
    private var around: Around?
    private var sharesBytes = false

    /// No route.
    package init() {}

    /// The match of the route around.
    package var outer: RouteMatch? { around?.match }

    /// Goes into a route, inside the one so far.
    @inline(__always)
    package mutating func enter(_ route: consuming any MatchedRoute, _ target: consuming RequestTarget) {
        if self.route != nil { around = Around(self) }
        self.route = route
        self.target = target
        sharesBytes = true
    }

    /// Lets go of the bytes, and of the route with them.
    @inline(__always)
    package mutating func leave() {
        guard route != nil else { return }
        route = nil
        target = nil
        sharesBytes = false
        if around != nil { around = nil }
    }

    /// Puts the target into memory of its own, for what may outlive the request or make it last.
    package mutating func compact() {
        guard sharesBytes else { return }
        target = target?.compacted()
        if var match = around?.match {
            match.compact()
            around = Around(match)
        }
        sharesBytes = false
    }
}
