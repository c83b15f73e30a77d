import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// The code of `Documentation/Balancing.md`.
@Suite("The examples of balancing")
struct BalancingExamples {
    private func clusters() -> [Cluster] {
        let origins: [Endpoint] = ["10.0.0.1:8080", "10.0.0.2:8080"]
        // snippet: balancing-policies
        let app = Cluster("app", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"])
        let render = Cluster("render", endpoints: origins, balancing: .leastRequests)
        let cache = Cluster("cache", endpoints: origins, balancing: .ringHash(by: .path, bound: LoadBound()))
        // end
        // snippet: balancing-keys
        let carts = Cluster("carts", endpoints: origins, balancing: .maglev(by: .cookie("cart")))
        let shards = Cluster("shards", endpoints: origins, balancing: .rendezvous(by: .query("user")))
        let browser = BalancingKey.custom { request, _ in request.headers[.userAgent]?.lowercased() }
        let pages = Cluster("pages", endpoints: origins, balancing: .ringHash(by: browser, points: 640))
        // end
        return [app, render, cache, carts, shards, pages]
    }

    // snippet: balancing-own-policy
    /// Two endpoints in front, the others when chance wants it.
    struct Favourites: BalancingPolicy {
        struct Choices: Balancer {
            let count: Int

            func choose(_ choice: inout BalancingChoice) -> Int {
                let isFavoured = choice.attempt == 0 && choice.random.below(4) > 0
                return choice.random.below(isFavoured ? min(2, count) : count)
            }
        }

        func balancer(among candidates: [BalancingCandidate]) -> any Balancer { Choices(count: candidates.count) }
    }
    // end

    @Test("clusters are sound")
    func sound() {
        for cluster in clusters() {
            var blueprint = Blueprint("LoadBalancer")
            cluster.check(&blueprint)
            #expect(blueprint.problems == [])
        }
    }

    // snippet: balancing-conformance
    @Test("favourites get the most, and the others something")
    func favourites() {
        var bounds = BalancingPolicyConformance.Bounds()
        bounds.followsWeights = false
        bounds.idle = 0.3...2.3
        bounds.busy = 0.2...2.3
        let conformance = BalancingPolicyConformance(Favourites(), within: bounds)
        #expect(conformance.check() == [])
    }
    // end
}
