/* SPDX-License-Identifier: MIT */
/* The inspector: all that is known of what is selected, in words, with links to what it leads to. */

import { CLASSES, PROCESS } from "../model/aggregate.js";
import { ENTRIES, P, frameOf, isLeaf } from "../model/tables.js";
import { pageOf, seersOf } from "../model/translate.js";
import { areaFlags, areaName, areaWords, entryBits, entryWords, explainFault, fieldsOf, hex, indexWords, ownerName, pages, recordsOfFault,
    rights, secondsWords, several, spaceName } from "../model/words.js";
import { areasOf } from "./objects.jsx";
import { className } from "./memory.jsx";
import { useSession } from "./hooks.js";

export function Inspector() {
    const session = useSession();
    const { selection, state } = session;
    const Kind = selection && state ? KINDS[selection.kind] : null;
    return (
        <section class="panel inspector" aria-labelledby="inspector-title">
            <header>
                <h2 id="inspector-title" tabIndex={-1}>Inspector</h2><span class="grow" />
                <button class="small" disabled={!session.past.length} onClick={() => session.back()} title="What was selected before (Backspace)">back</button>
            </header>
            <div class="body" id="inspector" tabIndex={0} role="group" aria-label="What is selected">
                {Kind ? <Kind session={session} selection={selection} state={state} /> : <Nothing session={session} />}
            </div>
        </section>
    );
}

function Nothing({ session }) {
    const last = session.recording && session.moment > 0 && session.moment <= session.recording.count ? session.recording.record(session.moment - 1) : null;
    return (
        <>
            <p class="quiet">Click a page, a frame, a page table, or step to a fault with the arrow keys: here stands what is known of it.</p>
            {last && <Record title="The last record" record={last} session={session} />}
        </>
    );
}

function Record({ title, record, session }) {
    return (
        <details open>
            <summary>{title}: {record.event}</summary>
            <dl class="facts">
                <Fact name="when">{secondsWords(session.recording.seconds(record.time))}, cpu {record.cpu}, thread {record.who}</Fact>
                {fieldsOf(record).map(([name, text]) => <Fact key={name} name={name}><code>{text}</code></Fact>)}
            </dl>
            {record.def?.doc && <p class="quiet">{record.def.doc}</p>}
        </details>
    );
}

function Fact({ name, children }) {
    return <><dt>{name}</dt><dd>{children}</dd></>;
}

function Link({ session, to, children }) {
    const frame = to.kind === "frame" || to.kind === "table" ? to.pfn : null;
    return <button class="link" onClick={() => session.select(to)} onMouseEnter={() => frame && session.point(frame)} onMouseLeave={() => session.point(null)}>{children}</button>;
}

function FrameLink({ session, pfn }) {
    return <Link session={session} to={{ kind: "frame", pfn }}><code>{hex(pfn)}</code></Link>;
}

// ---- fault ----

function Fault({ session, selection, state }) {
    const fault = session.recording.record(selection.number);
    const away = session.moment !== selection.number + 1;
    const told = explainFault(session.recording, state, fault);
    const did = recordsOfFault(session.recording, fault);
    const order = session.recording.faultAt(selection.number) + 1;
    return (
        <>
            <h3 class={told.repaired ? "good" : "bad"}>{told.title}</h3>
            <p class="quiet">fault {order.toLocaleString("en")} of {session.recording.faults.record.length.toLocaleString("en")}, case <code>{fault.case}</code>,
                {" "}{secondsWords(session.recording.seconds(fault.time))}</p>
            <p id="summary">{told.summary}</p>
            <p id="why">{told.why}</p>
            {away && <p class="note">Below stands how things are at the moment looked at, not right after this fault.
                {" "}<button class="link" onClick={() => session.selectFault(selection.number)}>Go there</button></p>}
            <PageFacts session={session} page={told.page} state={state} />
            {did.length > 0 && <details open>
                <summary>What it did: {several(did.length, "record")}</summary>
                <ol class="did">{did.map((record) => (
                    <li key={record.number}><b>{record.event}</b> {fieldsOf(record).map(([name, text]) => `${name} ${text}`).join(", ")}</li>))}</ol>
            </details>}
            <Record title="The record" record={fault} session={session} />
        </>
    );
}

// ---- page ----

function Page({ session, selection, state }) {
    const page = pageOf(state, selection.root, selection.va);
    const move = (pagesOn) => session.select({ ...selection, va: selection.va + pagesOn * 4096 });
    return (
        <>
            <h3>Page <code>{hex(selection.va)}</code></h3>
            <p class="quiet">of {spaceName(state, selection.root)}
                {" "}<button class="small" onClick={() => move(-1)} aria-label="Page before">{"\u25c2"}</button>
                <button class="small" onClick={() => move(1)} aria-label="Page after">{"\u25b8"}</button></p>
            <p id="why">{pageWords(state, page)}</p>
            <PageFacts session={session} page={page} state={state} />
            <FaultsAt session={session} selection={selection} />
        </>
    );
}

function pageWords(state, page) {
    if (!page.area) {
        return "No area holds this address: an access is refused.";
    }
    if (page.inShadow) {
        const owners = state.frames.has(page.inShadow) ? state.frames.owners(page.inShadow) : 1;
        return owners > 1 ? `A private page that ${owners} shadows have: the first to write gets a copy.` : "A private page, only ours: a write changes it in place.";
    }
    if (page.inObject) {
        return "Not changed by this space: the object's page is seen. " + (page.area.prot & 2 ? "A write to a private mapping would copy it." : "");
    }
    return page.area.object ? "Not in memory yet: the first access brings it from the object." : "Never written: a read sees the zero page, the first write takes a frame.";
}

function PageFacts({ session, page, state }) {
    const { area } = page;
    return (
        <>
            <dl class="facts">
                <Fact name="area">{area ? <>{areaName(state, area)}: {areaWords(state, area)}{areaFlags(state, area).length ? ` (${areaFlags(state, area).join(", ")})` : ""}</> : "none"}</Fact>
                {area && <Fact name="page">index {indexWords(page.index)}</Fact>}
                {area && <Fact name="shadow">{page.shadow ? <><Link session={session} to={{ kind: "owner", id: area.shadow }}>{ownerName(page.shadow)}</Link>
                    {page.inShadow ? <>: frame <FrameLink session={session} pfn={page.inShadow} /></> : ": has no such page"}</> : "none yet: nothing was written"}</Fact>}
                {area && <Fact name="object">{page.object ? <><Link session={session} to={{ kind: "owner", id: area.object }}>{ownerName(page.object)}</Link>
                    {page.inObject ? <>: frame <FrameLink session={session} pfn={page.inObject} /></> : ": this page is not in memory"}</> : "none: zeroes"}</Fact>}
            </dl>
            <Walk session={session} page={page} />
            <Others session={session} page={page} state={state} />
        </>
    );
}

/* The table entries level by level, with their bits in words. */
function Walk({ session, page }) {
    const { walk, va } = page;
    if (!walk.steps.length) {
        return <p class="quiet">This address is in the kernel's half, or its tables are not known.</p>;
    }
    return (
        <>
            <h4>Page tables, level by level</h4>
            <ol class="walk">{walk.steps.map((step) => (
                <li key={step.level} data-level={step.level}>
                    <div>L{step.level} <Link session={session} to={{ kind: "table", pfn: step.table }}>table <code>{hex(step.table)}</code></Link>, slot {step.slot}
                        {step.sharers > 1 && <em class="tag">shared: {step.sharers} entries lead to it</em>}</div>
                    <div>{entryWords(step.level, step.low, step.high)}</div>
                    <Bits step={step} />
                </li>))}
            </ol>
            <p id="rights">{walk.mapped ? <>Leads to frame <FrameLink session={session} pfn={walk.pfn} />, byte {hex(typeof va === "number" ? va % 4096 : 0)} in it.
                {" "}All levels together: {walk.user ? "for user programs" : "kernel only"}, {walk.writable ? "writable" : "not writable"}, {walk.executable ? "executable" : "not executable"}.</>
                : "The walk ends here: the table has no entry. The next access faults, and the areas decide."}</p>
        </>
    );
}

function Bits({ step }) {
    if (!(step.low & P)) {
        return null;
    }
    return <ul class="bits">{entryBits(step.low, step.high).map((bit) => (
        <li key={bit.name} class={bit.set ? "set" : ""}><b>{bit.name}</b> {bit.text}</li>))}</ul>;
}

/* Who else sees the frame of a page. */
function Others({ session, page, state }) {
    const pfn = page.walk.pfn || page.inShadow || page.inObject;
    if (!pfn) {
        return null;
    }
    const seers = seersOf(state, pfn);
    const others = seers.mappings.filter(({ root, va }) => root !== page.root || va !== Math.floor(Number(page.va) / 4096) * 4096);
    const owners = seers.owners.filter(({ owner }) => owner.id !== page.area?.shadow && owner.id !== page.area?.object);
    return (
        <>
            <h4>Who else sees frame <FrameLink session={session} pfn={pfn} /></h4>
            <Seers session={session} state={state} mappings={others} owners={owners} none="Nobody else." />
        </>
    );
}

function Seers({ session, state, mappings, owners, none }) {
    if (!mappings.length && !owners.length) {
        return <p class="quiet" id="others">{none}</p>;
    }
    return (
        <ul class="plain" id="others">
            {owners.map(({ owner, index }) => <li key={`${owner.id} ${index}`}>page {indexWords(index)} of <Link session={session} to={{ kind: "owner", id: owner.id }}>{ownerName(owner)}</Link>
                {areasOf(state, owner.id).length ? `, of ${[...new Set(areasOf(state, owner.id).map(({ root }) => spaceName(state, root)))].join(", ")}` : ""}</li>)}
            {mappings.map(({ root, va }) => <li key={`${root} ${va}`}>mapped at <Link session={session} to={{ kind: "page", root, va }}><code>{hex(va)}</code></Link> by {spaceName(state, root)}</li>)}
        </ul>
    );
}

const FAULTS_SHOWN = 12;

/* Faults of this page so far, the last ones. */
function FaultsAt({ session, selection }) {
    const { recording } = session;
    const pid = [...session.state.processes.values()].find((process) => process.root === selection.root)?.pid;
    const page = Math.floor(selection.va / 4096);
    const found = [];
    for (let i = recording.faultAt(session.moment) - 1; i >= 0 && found.length < FAULTS_SHOWN; i--) {
        if (recording.faults.pid.data[i] === pid) {
            const record = recording.record(recording.faults.record.data[i]);
            if (record.root === selection.root && Math.floor(Number(record.va) / 4096) === page) {
                found.push(record);
            }
        }
    }
    return found.length ? <FaultList session={session} title="Its faults so far" faults={found} /> : null;
}

function FaultList({ session, title, faults }) {
    return (
        <>
            <h4>{title}</h4>
            <ul class="plain">{faults.map((fault) => (
                <li key={fault.number}><button class="link" onClick={() => session.selectFault(fault.number)}>
                    {secondsWords(session.recording.seconds(fault.time))}: {fault.case}</button></li>))}</ul>
        </>
    );
}

// ---- frame, table, owner ----

function Frame({ session, selection, state }) {
    const { pfn } = selection;
    if (!state.frames.has(pfn)) {
        return <p>There is no frame {hex(pfn)}.</p>;
    }
    session.classes.update(state);
    const kind = session.classes.of(pfn);
    const seers = seersOf(state, pfn);
    const error = kind < PROCESS && CLASSES[kind].error;
    return (
        <>
            <h3 class={error ? "bad" : ""}>Frame <code>{hex(pfn)}</code></h3>
            <p id="why">{className(session, kind, true)}.</p>
            <dl class="facts">
                <Fact name="address"><code>{hex(pfn * 4096)}</code></Fact>
                <Fact name="used for">{state.schema.enums.frame_use[state.frames.use(pfn)]}</Fact>
                <Fact name="owners">{state.frames.owners(pfn)}</Fact>
                <Fact name="entries">{state.frames.entries(pfn)} lead to it</Fact>
            </dl>
            {state.tables.has(pfn) && <p><Link session={session} to={{ kind: "table", pfn }}>Open it as a page table</Link></p>}
            <h4>Who sees it</h4>
            <Seers session={session} state={state} mappings={seers.mappings} owners={seers.owners} none="No space maps it, no object has it." />
            <FrameFaults session={session} pfn={pfn} />
        </>
    );
}

function FrameFaults({ session, pfn }) {
    const { recording } = session;
    const found = [];
    for (let i = recording.faultAt(session.moment) - 1; i >= 0 && found.length < FAULTS_SHOWN; i--) {
        if (recording.faults.pfn.data[i] === pfn) {
            found.push(recording.record(recording.faults.record.data[i]));
        }
    }
    return found.length ? <FaultList session={session} title="Faults that ended with it" faults={found} /> : null;
}

function Table({ session, selection, state }) {
    const table = state.tables.get(selection.pfn);
    if (!table) {
        return <><h3>Page table <code>{hex(selection.pfn)}</code></h3><p>It is not there at this moment.</p></>;
    }
    const used = [];
    for (let slot = 0; slot < ENTRIES; slot++) {
        if (table.low[slot] | table.high[slot]) {
            used.push(slot);
        }
    }
    const parents = seersOf(state, selection.pfn).tables;
    const root = state.spaces.has(selection.pfn);
    return (
        <>
            <h3>Page table <code>{hex(selection.pfn)}</code></h3>
            <p id="why">{root ? `The top table of ${spaceName(state, selection.pfn)}` : `A table of level ${table.level}`}, {table.used} of 512 entries in use.
                {parents.length > 1 ? ` Shared: ${parents.length} entries lead to it.` : ""}</p>
            {parents.length > 0 && <><h4>What leads to it</h4><ul class="plain">{parents.map(({ pfn, slot }) => (
                <li key={`${pfn} ${slot}`}>slot {slot} of <Link session={session} to={{ kind: "table", pfn }}>table <code>{hex(pfn)}</code></Link></li>))}</ul></>}
            <h4>Entries</h4>
            <table class="list entries"><thead><tr><th class="number">slot</th><th>leads to</th><th>bits</th></tr></thead>
                <tbody>{used.slice(0, 128).map((slot) => <Entry key={slot} table={table} slot={slot} session={session} />)}</tbody></table>
            {used.length > 128 && <p class="quiet">and {used.length - 128} more</p>}
        </>
    );
}

function Entry({ table, slot, session }) {
    const low = table.low[slot], high = table.high[slot];
    const pfn = frameOf(low, high);
    const to = isLeaf(table.level, low) ? { kind: "frame", pfn } : { kind: "table", pfn };
    return (
        <tr>
            <td class="number">{slot}</td>
            <td>{low & P ? <Link session={session} to={to}>{to.kind} <code>{hex(pfn)}</code></Link> : "not present"}</td>
            <td>{entryBits(low, high).filter((bit) => bit.set).map((bit) => <abbr key={bit.name} title={bit.text}>{bit.name}</abbr>)}</td>
        </tr>
    );
}

function Owner({ session, selection, state }) {
    const owner = state.owners.get(selection.id);
    if (!owner) {
        return <p>{hex(selection.id)} is not there at this moment.</p>;
    }
    const list = [];
    owner.pages.each((index, pfn) => list.push([index, pfn]));
    list.sort((a, b) => a[0] - b[0]);
    return (
        <>
            <h3>{ownerName(owner)}</h3>
            <p id="why">{owner.shadow ? "A space's private changes" : `An object: ${owner.kind}, ${several(owner.bytes, "byte")}`}; {pages(owner.pages.count)} in memory.</p>
            <h4>Mapped by</h4>
            <ul class="plain">{areasOf(state, owner.id).map(({ root, area }) => (
                <li key={`${root} ${area.start}`}>{spaceName(state, root)} at <Link session={session} to={{ kind: "page", root, va: area.start }}><code>{hex(area.start)}</code></Link>, {rights(area.prot)}</li>))}</ul>
            <h4>Pages</h4>
            <table class="list"><thead><tr><th class="number">index</th><th>frame</th><th class="number">owners</th></tr></thead>
                <tbody>{list.slice(0, 256).map(([index, pfn]) => (
                    <tr key={index}><td class="number">{indexWords(index)}</td><td><FrameLink session={session} pfn={pfn} /></td><td class="number">{state.frames.has(pfn) ? state.frames.owners(pfn) : ""}</td></tr>))}</tbody></table>
            {list.length > 256 && <p class="quiet">and {list.length - 256} more</p>}
        </>
    );
}

const KINDS = { fault: Fault, page: Page, frame: Frame, table: Table, owner: Owner };
