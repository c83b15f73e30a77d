/// What is wrong with a part of a route, and what would mend it.
package struct RouteFault: Error, Sendable, Hashable {
    /// Goes on behind the name of the router: `has the pattern /a/{, …`.
    package var problem: String
    package var mend: String

    package init(_ problem: String, mend: String) {
        self.problem = problem
        self.mend = mend
    }
}
