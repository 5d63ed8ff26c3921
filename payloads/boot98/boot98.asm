; BOOT98.COM: takes files by YMODEM over a COM port, on any PC with DOS. 8086 code, no DOS driver.
;
; It is small because it is typed: the host types it into DEBUG over `CTTY COM1` (docs/serial.md).
; Blocks of 128 or 1024 bytes with CRC-16; a block is acknowledged only when its CRC is right and
; DOS has written it. Name and length come in block 0, the batch ends with an empty name.
;
; ERRORLEVEL: 0 done, 1 nobody sends, 2 cancelled, 3 disk full or bad name, 4 out of step,
; 5 file shorter than announced.
;
; Two bytes are set by the host: PORT (0 for COM1 .. 3 for COM4) and DIVISOR (115200 / speed).
;
;   nasm -f bin -o BOOT98.COM boot98.asm

        cpu     8086
        org     100h

SOH     equ     1
STX     equ     2
EOT     equ     4
ACK     equ     6
NAK     equ     21
CAN     equ     24
TICKS   equ     46Ch            ; BIOS: 18.2 ticks a second

start:  jmp     short begin
port:   db      0               ; offset 102h
divisor:db      1               ; offset 103h

begin:  cld
        mov     bl,[port]
        xor     bh,bh
        shl     bx,1
        xor     ax,ax
        mov     es,ax
        mov     dx,[es:bx+400h] ; BIOS: the ports' addresses
        mov     [base],dx
        push    ds
        pop     es
        add     dx,3            ; line control: open the divisor
        mov     al,83h
        out     dx,al
        sub     dx,3
        in      al,dx
        mov     [saved],al
        mov     al,[divisor]
        out     dx,al
        inc     dx
        in      al,dx
        mov     [saved+1],al
        xor     al,al
        out     dx,al
        inc     dx
        inc     dx
        mov     al,3            ; 8N1
        out     dx,al
        dec     dx
        mov     al,7            ; a 16550 gets its FIFO, others do not mind
        out     dx,al
        inc     dx
        inc     dx
        mov     al,3            ; DTR and RTS up, no interrupts
        out     dx,al

; --- a file: its name ------------------------------------------------------------------------
file:   mov     byte [tries],40
name:   mov     al,'C'
name1:  call    put
        call    block
        jc      .none
        cmp     al,EOT          ; our last ACK was lost
        je      .ack
        cmp     bl,0
        jne     .again
        mov     si,buffer
        cmp     byte [si],0
        je      done
        call    create
        jmp     data
.ack:   mov     al,ACK
        call    put
        jmp     name
.none:  cmp     al,CAN
        je      cancel
.again: dec     byte [tries]
        jnz     name
        mov     al,1
        jmp     quit

done:   mov     al,ACK
        call    put
        xor     al,al
        jmp     quit

; --- a file: its bytes -----------------------------------------------------------------------
data:   mov     al,ACK
        call    put
        mov     byte [number],1
        mov     byte [tries],40
        mov     al,'C'
ask:    call    put
        call    block
        jc      .bad
        cmp     al,EOT
        je      .end
        cmp     bl,[number]
        jne     .old
        call    save
        inc     byte [number]
        mov     byte [tries],40
.ok:    mov     al,ACK
        jmp     ask
.old:   inc     bl              ; the block before: our ACK was lost
        cmp     bl,[number]
        mov     al,4
        jne     abort
        cmp     bl,1
        jne     .ok
        mov     al,ACK
        call    put
        mov     al,'C'
        jmp     ask
.bad:   cmp     al,CAN
        je      cancel
        dec     byte [tries]
        mov     al,1
        jz      abort
        mov     al,NAK
        jmp     ask
.end:   mov     ah,3Eh          ; close: only now is it in the directory
        mov     bx,[handle]
        int     21h
        mov     al,3
        jc      abort
        mov     ax,[left]
        or      ax,[left+2]
        mov     al,5
        jnz     abort
        mov     al,ACK
        call    put
        jmp     file

cancel: mov     al,2
abort:  push    ax
        mov     al,CAN
        call    put
        call    put
        pop     ax
quit:   push    ax
        mov     dx,[base]       ; let the last byte leave
        add     dx,5
.wait:  in      al,dx
        test    al,40h
        jz      .wait
        dec     dx
        dec     dx
        mov     al,83h
        out     dx,al
        sub     dx,3
        mov     al,[saved]
        out     dx,al
        inc     dx
        mov     al,[saved+1]
        out     dx,al
        inc     dx
        inc     dx
        mov     al,3
        out     dx,al
        pop     ax
        mov     ah,4Ch
        int     21h

; --- make the file named in the buffer, and read its length ----------------------------------
create: mov     ah,3Ch
        xor     cx,cx
        mov     dx,si
        int     21h
        mov     [handle],ax
        mov     al,3
        jc      abort
.name:  lodsb
        or      al,al
        jnz     .name
        xor     bx,bx           ; length: CX:BX
        xor     cx,cx
.digit: lodsb
        sub     al,'0'
        cmp     al,9
        ja      .end
        cbw
        push    ax
        mov     ax,cx
        mov     cx,10
        mul     cx
        push    ax
        mov     ax,bx
        mul     cx
        pop     cx
        add     cx,dx
        pop     bx
        add     bx,ax
        adc     cx,0
        jmp     .digit
.end:   mov     [left],bx
        mov     [left+2],cx
        ret

; --- write the block (CX bytes), but not more than the file has left -------------------------
save:   cmp     word [left+2],0
        jne     .all
        cmp     cx,[left]
        jbe     .all
        mov     cx,[left]
.all:   sub     [left],cx
        sbb     word [left+2],0
        jcxz    .none
        mov     ah,40h
        mov     bx,[handle]
        mov     dx,buffer
        int     21h
        jc      .full
        cmp     ax,cx
        je      .none
.full:  pop     ax
        mov     al,3
        jmp     abort
.none:  ret

; --- a block: AL = its first byte, BL = number, CX = length; carry: none, AL = CAN or other --
block:  mov     word [wait_],55 ; 3 s for its beginning
        call    get
        jc      .lost
        cmp     al,EOT
        je      .eot
        cmp     al,CAN
        je      .stop
        mov     cx,130
        cmp     al,SOH
        je      .take
        mov     ch,4            ; 1026
        mov     cl,2
        cmp     al,STX
        jne     .drain
.take:  mov     word [wait_],19 ; 1 s within it
        call    get
        jc      .lost
        mov     [seen],al
        call    get
        jc      .lost
        not     al
        cmp     al,[seen]
        jne     .drain
        mov     di,buffer
.byte:  call    get
        jc      .lost
        stosb
        loop    .byte
        mov     cx,di
        sub     cx,buffer
        mov     si,buffer
        xor     dx,dx           ; CRC-16 of data and CRC is 0
.next:  lodsb
        xor     dh,al
        mov     ah,8
.bit:   shl     dx,1
        jnc     .zero
        xor     dx,1021h
.zero:  dec     ah
        jnz     .bit
        loop    .next
        or      dx,dx
        jnz     .drain
        mov     cx,di
        sub     cx,buffer+2
        mov     bl,[seen]
        mov     al,SOH
        clc
        ret
.eot:   clc
        ret
.stop:  stc
        ret
.drain: mov     word [wait_],10 ; half a second of quiet
.more:  call    get
        jnc     .more
.lost:  xor     al,al
        stc
        ret

; --- a byte in AL; carry: none came in time --------------------------------------------------
get:    push    bx
        push    dx
        push    es
        xor     ax,ax
        mov     es,ax
        mov     bx,[es:TICKS]
        mov     dx,[base]
        add     dx,5
.wait:  in      al,dx
        test    al,1
        jnz     .come
        mov     ax,[es:TICKS]
        sub     ax,bx
        cmp     ax,[wait_]
        jb      .wait
        stc
        jmp     short .out
.come:  sub     dx,5
        in      al,dx
        clc
.out:   pop     es
        pop     dx
        pop     bx
        ret

; --- send AL ---------------------------------------------------------------------------------
put:    push    ax
        push    dx
        mov     dx,[base]
        add     dx,5
        push    ax
.wait:  in      al,dx
        test    al,20h
        jz      .wait
        pop     ax
        sub     dx,5
        out     dx,al
        pop     dx
        pop     ax
        ret

; --- behind the program ----------------------------------------------------------------------
base    equ     $
saved   equ     base+2
handle  equ     base+4
left    equ     base+6
wait_   equ     base+10
seen    equ     base+12
number  equ     base+13
tries   equ     base+14
buffer  equ     base+16
