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
///
/// A copy shares the bytes of the request, which keep their read buffer alive: what outlives the request takes the
/// values that it needs, or a ``RequestContext/fork()``, which has bytes of its own.
public struct PathParameters: Sendable {
    private let match: RouteMatch

    /// Those of a route and the ones around it.
    init(_ match: RouteMatch) { self.match = match }

    /// The value of a parameter; of routes inside each other, the innermost that has the name decides. `nil` when none
    /// has it.
    public subscript(_ name: String) -> String? {
        guard let parameter = match.route?.parameters.last(where: { $0.name == name }) else {
            return match.outer.flatMap { PathParameters($0)[name] }
        }
        return segment(parameter.segment)
    }

    /// The names that have a value: the innermost route's in the order of its pattern, then those of the routes
    /// outside.
    public var names: [String] {
        var names: [String] = []
        var match: RouteMatch? = match
        while let inner = match {
            for parameter in inner.route?.parameters ?? [] where !names.contains(parameter.name) {
                names.append(parameter.name)
            }
            match = inner.outer
        }
        return names
    }

    private func segment(_ number: Int) -> String? {
        guard let target = match.target else { return nil }
        return target.withPath { path in
            var start = 1
            for _ in 0..<number {
                guard let slash = path.firstSlash(from: start) else { return nil }
                start = slash + 1
            }
            let end = path.firstSlash(from: start) ?? path.count
            return PercentEncoding.decoded(bytes: path.extracting(start..<end), plusIsSpace: false)
        }
    }
}

extension Span<UInt8> {
    fileprivate func firstSlash(from start: Int) -> Int? {
        var index = start
        while index < count {
            if self[index] == UInt8(ascii: "/") { return index }
            index += 1
        }
        return nil
    }
}

/// The parameters of the route that a request is in, until the exchange is over; none outside of any.
public enum PathParametersKey: ContextKey {
    public static var defaultValue: PathParameters { PathParameters(RouteMatch()) }

    public static func defaultValue(in context: RequestContext) -> PathParameters { PathParameters(context.match) }
}

extension RequestContext {
    /// The parameters of the route that the request is in: what ``PathParametersKey`` holds.
    public var parameters: PathParameters { self[PathParametersKey.self] }
}
