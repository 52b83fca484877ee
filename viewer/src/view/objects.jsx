/* SPDX-License-Identifier: MIT */
/* Objects and shadows in a table: what areas map, and what spaces changed for themselves. */

import { hex, ownerName, pages, spaceName } from "../model/words.js";
import { useSession } from "./hooks.js";

const ROWS_MAX = 200;

/* Areas that map an owner: [{root, area}]. */
export function areasOf(state, id) {
    const found = [];
    for (const { root, areas } of state.spaces.values()) {
        for (const area of areas) {
            if (area.object === id || area.shadow === id) {
                found.push({ root, area });
            }
        }
    }
    return found;
}

export function ObjectsPanel() {
    const session = useSession();
    const { state } = session;
    if (!state) {
        return <p class="quiet">Nothing yet.</p>;
    }
    const users = usersOfAll(state);
    const owners = [...state.owners.values()].sort((a, b) => (users.has(b.id) - users.has(a.id)) || b.pages.count - a.pages.count);
    return (
        <div class="scroll" tabIndex={0} role="group" aria-label="Objects and shadows">
            <table class="list">
                <caption class="unseen">Objects and shadows</caption>
                <thead><tr><th>what</th><th class="number">pages</th><th>mapped by</th></tr></thead>
                <tbody>{owners.slice(0, ROWS_MAX).map((owner) => (
                    <tr key={owner.id} class={session.selection?.id === owner.id ? "on" : ""}>
                        <td><button class="link" onClick={() => session.select({ kind: "owner", id: owner.id })}>{ownerName(owner)}</button></td>
                        <td class="number">{owner.pages.count.toLocaleString("en")}</td>
                        <td>{[...users.get(owner.id) ?? []].map((root) => spaceName(state, root)).join(", ") || <span class="quiet">nobody</span>}</td>
                    </tr>))}
                </tbody>
            </table>
            {owners.length > ROWS_MAX && <p class="quiet">and {owners.length - ROWS_MAX} more</p>}
        </div>
    );
}

function usersOfAll(state) {
    const users = new Map();
    for (const { root, areas } of state.spaces.values()) {
        for (const id of areas.flatMap((area) => [area.object, area.shadow]).filter((one) => one)) {
            users.set(id, (users.get(id) ?? new Set()).add(root));
        }
    }
    return users;
}

export { hex, pages };
