import Middleware
import Testing

@Suite("Endpoints that do not change")
struct StaticEndpointsTests {
    @Test("the set is told once")
    func constant() async throws {
        var sets = StaticEndpoints(["a:1", "b:2"]).endpoints(Runtime()).makeAsyncIterator()
        #expect(try await sets.next() == ["a:1", "b:2"])
        #expect(try await sets.next() == nil)
    }

    @Test(
        "an empty, a doubled and a broken set are problems",
        arguments: [([], 1), (["a:1", "a:1"], 1), (["a:x"], 1), (["a:1", "b:1"], 0)] as [([Endpoint], Int)]
    )
    func badSets(endpoints: [Endpoint], count: Int) {
        var blueprint = Blueprint("source")
        StaticEndpoints(endpoints).check(&blueprint)
        #expect(blueprint.validate().count == count)
    }
}
