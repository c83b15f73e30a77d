/// Endpoints that do not change: a source of one set.
///
/// ```swift
/// StaticEndpoints(["10.0.0.1:8080", "10.0.0.2:8080"])
/// ```
///
/// For whoever takes any source, such as a test or a composition that is built from configuration. A cluster that is
/// given its endpoints needs no source.
public struct StaticEndpoints: EndpointSource {
    /// The set.
    public let endpoints: [Endpoint]

    public init(_ endpoints: [Endpoint]) { self.endpoints = endpoints }

    public func endpoints(_ runtime: Runtime) -> AsyncThrowingStream<[Endpoint], any Error> {
        AsyncThrowingStream { continuation in
            continuation.yield(endpoints)
            continuation.finish()
        }
    }

    public func check(_ blueprint: inout Blueprint) {
        blueprint.require(!endpoints.isEmpty, "has no endpoints", mend: "give one at least")
        var seen = Set<String>()
        for endpoint in endpoints {
            if let problem = endpoint.problem {
                blueprint.require(false, "has an endpoint \(endpoint) that \(problem)", mend: "give host:port")
            }
            blueprint.require(seen.insert(endpoint.text).inserted, "has \(endpoint) twice", mend: "keep one")
        }
    }
}
