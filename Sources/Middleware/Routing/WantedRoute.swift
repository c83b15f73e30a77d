import HTTPTypes
import NIOCore

/// What a search asks of the routes of each leaf.
struct WantedRoute {
    /// What decides besides fields and client.
    let question: Request.Head
    /// Where fields are.
    let request: Request.Head
    /// Whose request it is, if anybody asks.
    let client: SocketAddress?
    /// Those that are not wanted, by number.
    let tried: [Int]
    /// The place of the method among those that routes name; -2 when none names it.
    let method: Int
    /// The same for GET, where a HEAD may go to a route for it; else -2.
    let substitute: Int
    /// Whether a route for all methods will do.
    let takesAnyMethod: Bool
}
