import HTTPTypes

/// What stood in the path for the parameters of the routes that a request was taken by.
///
/// ```swift
/// Route("/v2/users/{id}") {
///     HandlerFunction { _, context in Response(.ok, body: .text(context.parameters["id"] ?? "")) }
/// }
/// ```
///
/// A value is decoded when it is read, and is data then: it can hold slashes, dots, line ends and anything else. It is
/// of the path that was matched; a rewrite inside the route does not change it.
public struct PathParameters: Sendable {
    /// A copy: a context is kept until the next request of its connection, and the received bytes would keep the whole
    /// read buffer with them.
    private let path: [UInt8]
    private let route: RouteEntry?
    private let outer: OuterParameters?

    /// No parameters.
    init() { (path, route, outer) = ([], nil, nil) }

    /// Those of a route, inside others.
    init(_ question: Request.Head, _ route: RouteEntry, in outer: PathParameters) {
        path = question.target.withPath { $0.withUnsafeBufferPointer { Array($0) } }
        self.route = route
        self.outer = outer.route.map { _ in OuterParameters(outer) }
    }

    /// The value of a parameter; of routes inside each other, the innermost that has the name decides. `nil` when none
    /// has it.
    public subscript(_ name: String) -> String? {
        if let place = route?.pattern.place(of: name) { return segment(place) }
        return outer?.parameters[name]
    }

    /// The names that have a value: the innermost route's in the order of its pattern, then those of the routes
    /// outside.
    public var names: [String] {
        guard let route else { return [] }
        var names: [String] = []
        for case .parameter(let name) in route.pattern.segments where !names.contains(name) { names.append(name) }
        for name in outer?.parameters.names ?? [] where !names.contains(name) { names.append(name) }
        return names
    }

    private func segment(_ place: Int) -> String? {
        // The first begins behind the slash that every path begins with.
        var start = 1
        for _ in 0..<place {
            guard let slash = path[start...].firstIndex(of: UInt8(ascii: "/")) else { return nil }
            start = slash + 1
        }
        guard start <= path.count else { return nil }
        let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
        return PercentEncoding.decoded(bytes: path.span.extracting(start..<end), plusIsSpace: false)
    }
}

/// The parameters of the routes around a route, in a box, since a struct does not hold itself.
private final class OuterParameters: Sendable {
    let parameters: PathParameters

    init(_ parameters: PathParameters) { self.parameters = parameters }
}

/// The parameters of the route that a request is in; none outside of any.
public enum PathParametersKey: ContextKey {
    public static var defaultValue: PathParameters { PathParameters() }
}

extension RequestContext {
    /// The parameters of the route that the request is in: what ``PathParametersKey`` holds.
    public var parameters: PathParameters { self[PathParametersKey.self] }
}
