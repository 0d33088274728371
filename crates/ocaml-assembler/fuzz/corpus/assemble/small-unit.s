	.file ""
	.section .rodata.cst16,"aM",@progbits,16
	.align	16
caml_negf_mask:
	.quad	0x8000000000000000
	.quad	0
	.align	16
caml_absf_mask:
	.quad	0x7fffffffffffffff
	.quad	-1
	.data
	.globl	camlA__data_begin
camlA__data_begin:
	.text
	.globl	camlA__code_begin
camlA__code_begin:
	.data
	.align	8
	.data
	.align	8
	.quad	4087
camlA__9:
	.quad	caml_curry2
	.quad	0x200000000000007
	.quad	camlA__g_86
	.data
	.align	8
	.quad	3063
camlA__8:
	.quad	camlA__h_145
	.quad	0x100000000000005
	.data
	.align	8
camlA__12:
	.quad	camlA__3
	.quad	camlA__4
	.quad	camlA__5
	.quad	camlA__6
	.quad	camlA__7
	.data
	.align	8
	.quad	3063
camlA__11:
	.quad	camlA__fact_81
	.quad	0x100000000000005
	.data
	.align	8
	.quad	3063
camlA__10:
	.quad	camlA__f_83
	.quad	0x100000000000005
	.data
	.align	8
	.quad	4864
	.globl	camlA
camlA:
	.quad	1
	.quad	1
	.quad	1
	.quad	1
	.data
	.align	8
	.globl	camlA__gc_roots
camlA__gc_roots:
	.quad	camlA
	.quad	0
	.text
	.align	16
	.globl	camlA__fact_81
camlA__fact_81:
	.file	1	"a.ml"
	.loc	1	1	13
	.cfi_startproc
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
.L101:
	cmpq	$1, %rax
	jne	.L100
	movl	$3, %eax
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_adjust_cfa_offset 8
	.align	4
.L100:
	movq	%rax, (%rsp)
	.loc	1	1	47
	addq	$-2, %rax
	.loc	1	1	42
	call	camlA__fact_81@PLT
.L102:
	movq	%rax, %rbx
	.loc	1	1	38
	sarq	$1, %rbx
	movq	(%rsp), %rax
	.loc	1	1	38
	decq	%rax
	.loc	1	1	38
	imulq	%rbx, %rax
	.loc	1	1	38
	incq	%rax
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_adjust_cfa_offset 8
	.cfi_adjust_cfa_offset -8
	.cfi_endproc
	.type camlA__fact_81,@function
	.size camlA__fact_81,. - camlA__fact_81
	.text
	.align	16
	.globl	camlA__f_83
camlA__f_83:
	.loc	1	2	6
	.cfi_startproc
	.loc	1	2	10
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	.loc	1	2	10
.L103:
	.loc	1	2	10
	subq	$16, %r15
	cmpq	(%r14), %r15
	jb	.L104
.L106:
	leaq	8(%r15), %rbx
	movq	$1277, -8(%rbx)
	movsd	.L107(%rip), %xmm0
	.loc	1	2	10
	addsd	(%rax), %xmm0
	movsd	%xmm0, (%rbx)
	movq	%rbx, %rax
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_adjust_cfa_offset 8
.L104:
	call	caml_call_gc@PLT
.L105:
	jmp	.L106
	.cfi_adjust_cfa_offset -8
	.cfi_endproc
	.type camlA__f_83,@function
	.size camlA__f_83,. - camlA__f_83
	.text
	.align	16
	.globl	camlA__g_86
camlA__g_86:
	.loc	1	3	6
	.cfi_startproc
	.loc	1	3	12
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	.loc	1	3	12
.L108:
	.loc	1	3	12
	movq	-8(%rax), %rdi
	.loc	1	3	12
	shrq	$9, %rdi
	.loc	1	3	12
	cmpq	%rbx, %rdi
	jbe	.L109
	.loc	1	3	12
	movq	-4(%rax,%rbx,4), %rax
	.loc	1	3	12
	addq	$2, %rax
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_adjust_cfa_offset 8
.L109:
	call	caml_ml_array_bound_error@PLT
.L110:
	.cfi_adjust_cfa_offset -8
	.cfi_endproc
	.type camlA__g_86,@function
	.size camlA__g_86,. - camlA__g_86
	.text
	.align	16
	.globl	camlA__h_145
camlA__h_145:
	.loc	1	4	8
	.cfi_startproc
.L112:
	cmpq	$9, %rax
	jbe	.L111
	movq	camlA__2@GOTPCREL(%rip), %rax
	ret
	.align	4
.L111:
	.loc	1	4	17
	orq	$1, %rax
	movq	camlA__12@GOTPCREL(%rip), %rbx
	.loc	1	4	17
	movq	-4(%rbx,%rax,4), %rax
	ret
	.cfi_endproc
	.type camlA__h_145,@function
	.size camlA__h_145,. - camlA__h_145
	.data
	.align	8
	.quad	2044
camlA__7:
	.ascii	"e"
	.space	6
	.byte	6
	.data
	.align	8
	.quad	2044
camlA__6:
	.ascii	"d"
	.space	6
	.byte	6
	.data
	.align	8
	.quad	2044
camlA__5:
	.ascii	"c"
	.space	6
	.byte	6
	.data
	.align	8
	.quad	2044
camlA__4:
	.ascii	"b"
	.space	6
	.byte	6
	.data
	.align	8
	.quad	2044
camlA__3:
	.ascii	"a"
	.space	6
	.byte	6
	.data
	.align	8
	.quad	2044
camlA__2:
	.ascii	"z"
	.space	6
	.byte	6
	.data
	.align	8
	.quad	2045
	.globl	camlA__1
camlA__1:
	.quad	0x3ff8000000000000
	.text
	.align	16
	.globl	camlA__entry
camlA__entry:
	.cfi_startproc
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
.L113:
	movq	camlA__11@GOTPCREL(%rip), %rax
	movq	camlA@GOTPCREL(%rip), %rbx
	movq	%rax, (%rbx)
	movq	camlA__10@GOTPCREL(%rip), %rax
	movq	%rax, 8(%rbx)
	movq	camlA__9@GOTPCREL(%rip), %rax
	movq	%rax, 16(%rbx)
	movq	camlA__8@GOTPCREL(%rip), %rax
	movq	%rax, 24(%rbx)
	movl	$11, %eax
	.loc	1	5	19
	call	camlA__fact_81@PLT
.L114:
	.file	2	"stdlib.ml"
	.loc	2	489	39
	call	camlStdlib__string_of_int_176@PLT
.L115:
	movq	%rax, %rbx
	movq	camlStdlib@GOTPCREL(%rip), %rax
	.loc	1	5	9
	movq	304(%rax), %rax
	.loc	2	489	18
	call	camlStdlib__output_string_249@PLT
.L116:
	movl	$7, %eax
	.loc	1	5	42
	call	camlA__h_145@PLT
.L117:
	movq	%rax, %rbx
	movq	camlStdlib@GOTPCREL(%rip), %rax
	.loc	1	5	29
	movq	304(%rax), %rax
	.loc	2	487	21
	call	camlStdlib__output_string_249@PLT
.L118:
	movl	$1, %eax
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_adjust_cfa_offset 8
	.cfi_adjust_cfa_offset -8
	.cfi_endproc
	.type camlA__entry,@function
	.size camlA__entry,. - camlA__entry
	.data
	.align	8
	.section .rodata.cst8,"aM",@progbits,8
	.align	8
.L107:
	.quad	0x3ff8000000000000
	.text
	.globl	camlA__code_end
camlA__code_end:
	.data
				/* relocation table start */
	.align	8
				/* relocation table end */
	.data
	.quad	0
	.globl	camlA__data_end
camlA__data_end:
	.quad	0
	.align	8
	.globl	camlA__frametable
camlA__frametable:
	.quad	8
	.quad	.L118
	.word	17
	.word	0
	.align	4
	.long	(.L119 - .) + 0
	.align	8
	.quad	.L117
	.word	17
	.word	0
	.align	4
	.long	(.L120 - .) + 0
	.align	8
	.quad	.L116
	.word	17
	.word	0
	.align	4
	.long	(.L121 - .) + 0
	.align	8
	.quad	.L115
	.word	17
	.word	0
	.align	4
	.long	(.L122 - .) + 0
	.align	8
	.quad	.L114
	.word	17
	.word	0
	.align	4
	.long	(.L123 - .) + 0
	.align	8
	.quad	.L110
	.word	17
	.word	0
	.align	4
	.long	(.L124 - .) + 0
	.align	8
	.quad	.L105
	.word	19
	.word	1
	.word	1
	.byte	1
	.byte	0
	.align	4
	.long	(.L125 - .) + 0
	.align	8
	.quad	.L102
	.word	17
	.word	1
	.word	0
	.align	4
	.long	(.L126 - .) + 0
	.align	8
	.align	4
.L125:
	.long	(.L128 - .) + 1207959552
	.long	8352
	.align	4
.L124:
	.long	(.L129 - .) + 1140850688
	.long	12480
	.align	4
.L126:
	.long	(.L130 - .) + -805306368
	.long	4768
	.align	4
.L123:
	.long	(.L131 - .) + 1811939328
	.long	20784
	.align	4
.L120:
	.long	(.L131 - .) + -1140850688
	.long	21152
	.align	4
.L119:
	.long	(.L133 - .) + -1409286143
	.long	1995088
	.long	(.L131 - .) + -1140850688
	.long	20944
	.align	4
.L122:
	.long	(.L134 - .) + -536870911
	.long	2003568
	.long	(.L131 - .) + 1811939328
	.long	20624
	.align	4
.L121:
	.long	(.L134 - .) + -536870911
	.long	2003232
	.long	(.L131 - .) + 1811939328
	.long	20624
.L132:
	.ascii	"stdlib.ml\0"
.L127:
	.ascii	"a.ml\0"
	.align	4
.L129:
	.long	(.L127 - .) + 0
	.ascii	"A.g\0"
	.align	4
.L131:
	.long	(.L127 - .) + 0
	.ascii	"A\0"
	.align	4
.L133:
	.long	(.L132 - .) + 0
	.ascii	"Stdlib.print_string\0"
	.align	4
.L130:
	.long	(.L127 - .) + 0
	.ascii	"A.fact\0"
	.align	4
.L128:
	.long	(.L127 - .) + 0
	.ascii	"A.f\0"
	.align	4
.L134:
	.long	(.L132 - .) + 0
	.ascii	"Stdlib.print_int\0"
	.align	8
	.size camlA__frametable,. - camlA__frametable
	.section .note.GNU-stack,"",%progbits
