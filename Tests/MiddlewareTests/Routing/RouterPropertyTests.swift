import HTTPTypes
import Middleware
import Testing

/// The router against a matcher that asks every route in turn.
@Suite("Router against a naive matcher")
struct RouterPropertyTests {
    private static let routes = 1000
    private static let requests = 100_000

    /// Among crowded routes every method is taken by most, and much by `**`, so that hardly a request is refused.
    @Test("both give the same answers", arguments: [(1, true), (2, false)] as [(UInt64, Bool)])
    func same(seed: UInt64, isCrowded: Bool) {
        var chance = SplitMix(seed: seed)
        let naive = NaiveRouter(routes: Self.plainRoutes(&chance, isCrowded: isCrowded))
        let router = Router(naive.routes.map(\.route))
        #expect(router.blueprint.problems == [])
        var taken = 0
        var refused = 0
        for _ in 0..<(Self.requests / 2) {
            let plain = Self.plainRequest(&chance, near: naive.routes)
            let request = plain.request
            let expected = naive.answer(plain)
            let best = router.best(for: request)
            guard best == expected.best else {
                Issue.record("\(plain) went to \(naive.told(best)) and not to \(naive.told(expected.best))")
                return
            }
            if best != nil { taken += 1 }
            guard best == nil else { continue }
            if !expected.allowed.isEmpty { refused += 1 }
            #expect(router.allowed(for: request) == expected.allowed, "\(plain)")
        }
        // The requests are worth asking.
        #expect(taken > Self.requests / 10)
        #expect(isCrowded || refused > Self.requests / 200)
    }

    @Test("the order of the routes makes no difference")
    func order() {
        var chance = SplitMix(seed: 3)
        let plain = Self.plainRoutes(&chance, isCrowded: true)
        let shuffled = plain.shuffled(using: &chance)
        let (left, right) = (Router(plain.map(\.route)), Router(shuffled.map(\.route)))
        for _ in 0..<1000 {
            let request = Self.plainRequest(&chance, near: plain).request
            let one = left.best(for: request).map { plain[$0].identity }
            #expect(one == right.best(for: request).map { shuffled[$0].identity })
        }
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .options]
    private static let hosts = ["a.example", "b.a.example", "*.example", "*.a.example", "c.test"]
    private static let segments = ["a", "b", "c", "A", "7", "x%2Fy", "%C3%A9", "long-segment-of-some-length", ""]

    private static func plainRoutes(_ chance: inout SplitMix, isCrowded: Bool) -> [PlainRoute] {
        var found: [PlainRoute] = []
        var seen: Set<String> = []
        while found.count < routes {
            var route = PlainRoute(segments: [])
            for index in 0...chance.below(5) {
                let literal = segments[chance.below(segments.count)]
                route.segments.append(chance.oneIn(3) ? "{p\(index)}" : literal)
            }
            if chance.oneIn(isCrowded ? 4 : 10) { route.segments[route.segments.count - 1] = "**" }
            if chance.oneIn(3) { route.host = hosts[chance.below(hosts.count)] }
            if !chance.oneIn(isCrowded ? 3 : 50) {
                let first = chance.below(methods.count)
                route.methods = chance.oneIn(2) ? [methods[first]] : [methods[first], methods[(first + 1) % 5]]
            }
            if chance.oneIn(3) { route.tenant = chance.oneIn(2) ? "one" : "two" }
            if chance.oneIn(4) { route.query = chance.oneIn(2) ? "q" : "r" }
            guard seen.isDisjoint(with: route.identity) else { continue }
            seen.formUnion(route.identity)
            found.append(route)
        }
        return found
    }

    /// A request that some route takes, in two cases of three; else any.
    private static func plainRequest(_ chance: inout SplitMix, near routes: [PlainRoute]) -> PlainRequest {
        let route = routes[chance.below(routes.count)]
        var request = PlainRequest(method: methods[chance.below(5)], host: "", segments: [])
        let isNear = !chance.oneIn(3)
        for segment in isNear ? route.segments : Array(repeating: "{", count: 1 + chance.below(6)) {
            if segment == "**" {
                for _ in 0..<chance.below(3) { request.segments.append(segments[chance.below(segments.count)]) }
            } else {
                request.segments.append(segment.hasPrefix("{") ? segments[chance.below(segments.count)] : segment)
            }
        }
        if request.segments.isEmpty { request.segments = [""] }
        if let methods = route.methods, isNear, !chance.oneIn(3) { request.method = methods[0] }
        let host = isNear ? route.host ?? "" : hosts[chance.below(hosts.count)]
        request.host = host.hasPrefix("*") ? "x" + host.dropFirst() : host
        request.tenant = isNear ? route.tenant : chance.oneIn(2) ? "one" : nil
        request.query = isNear ? route.query : chance.oneIn(2) ? "q" : nil
        return request
    }
}

extension NaiveRouter {
    func told(_ index: Int?) -> String { index.map { "\(routes[$0])" } ?? "none" }
}
